"""The pages people see: plain forms, no script needed, and never to be taken for Okta's."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse, Response

from simulated_okta.factors import LABELS, Factor
from simulated_okta.simulation import SignIn
from simulated_okta.world import Person

_TEMPLATES: Final = Environment(
    loader=PackageLoader("simulated_okta"), autoescape=True, undefined=StrictUndefined
)
# No `form-action`: browsers apply it to the redirect back to the application too.
_POLICY: Final = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; "
    "frame-ancestors 'none'"
)


def _page(template: str, status: int = 200, script: str = "", **context: Any) -> HTMLResponse:
    html = _TEMPLATES.get_template(template).render(**context)
    policy = f"{_POLICY}; script-src 'nonce-{script}'" if script else _POLICY
    headers = {
        "content-security-policy": policy,
        "cache-control": "no-cache, no-store",
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
    }
    return HTMLResponse(html, status_code=status, headers=headers)


def password(sign_in: SignIn, people: Sequence[Person], organisation: str) -> Response:
    """Return the first page: who are you, and your password. `people` are the hints."""
    return _page(
        "password.html",
        sign_in=sign_in,
        people=people,
        organisation=organisation,
        labels=LABELS,
    )


def factor(
    sign_in: SignIn, offered: Sequence[Factor], organisation: str, *, skippable: bool
) -> Response:
    """Return the choice of a second factor."""
    return _page(
        "factor.html",
        sign_in=sign_in,
        offered=[(factor.value, LABELS[factor]) for factor in offered],
        organisation=organisation,
        skippable=skippable,
    )


def code(sign_in: SignIn, organisation: str, *, hint: str, seconds: int) -> Response:
    """Return the question for the code; `hint` is the right one, or empty."""
    return _page(
        "code.html", sign_in=sign_in, organisation=organisation, hint=hint, seconds=seconds
    )


def home(person: Person | None, organisation: str) -> Response:
    """Return who is signed in, or that nobody is."""
    return _page("home.html", person=person, organisation=organisation)


def error(status: int, title: str, message: str) -> Response:
    """Return an error that stays with Okta."""
    return _page("error.html", status, title=title, message=message)


def form_post(action: str, fields: Mapping[str, str]) -> Response:
    """Return a form that posts `fields` to the application by itself, or by its button."""
    script = secrets.token_urlsafe(16)
    return _page("form_post.html", script=script, action=action, fields=fields, nonce=script)
