"""A request as the endpoints here see it: facts, parameters, and which browser it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.requests import Request

from vestibule.flows.door import Door
from vestibule.login.browser import Browser, presented_browser
from vestibule.model.request import RequestFacts
from vestibule.sessions.cookies import SESSION
from vestibule.web.facts import facts_of_scope

_LARGEST_FORM = 16 * 1024
_LONGEST_QUERY = 16 * 1024
_MOST_PARAMETERS = 50
_FORM = "application/x-www-form-urlencoded"

Parameters = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Call:
    """One request. `browser` is what binds logins and forms; `is_new` says that it must be set.

    `at_team_domain` tells the two kinds of host apart.
    """

    facts: RequestFacts
    parameters: Parameters
    browser: Browser
    is_new: bool
    at_team_domain: bool
    path: Mapping[str, str] = field(default_factory=dict[str, str])
    form: Parameters = field(default_factory=dict[str, tuple[str, ...]])

    def one(self, name: str) -> str:
        """A parameter of the query that was given once; else empty."""
        return _one(self.parameters, name)

    def posted(self, name: str) -> str:
        """A field of the form that was given once; else empty."""
        return _one(self.form, name)

    def must_be_ours(self, form: str) -> None:
        """Raise 403 unless the form was on a page of ours, shown to this browser."""
        if self.is_new or not self.browser.token_fits(self.posted("token"), form):
            raise HTTPException(403)


def browser_cookie(door: Door) -> str:
    """The name of what binds logins to a browser.

    With TLS it has the prefix under which no sibling host can set it (RFC 6265bis, 4.1.3.2).
    """
    return f"__Host-{SESSION}" if door.secure else SESSION


async def read_call(
    door: Door, request: Request, *, at_team_domain: bool, takes_form: bool = False
) -> Call:
    """Read a request, and its form where the address takes one.

    Raises `BadRequest`, `NotFromTheDataPlane` and HTTPException.
    """
    facts = facts_of_scope(request.scope)
    known = presented_browser(facts.cookies, browser_cookie(door))
    form: Parameters = {}
    if takes_form and request.method == "POST":
        _same_origin(door, facts, request)
        form = await _form(request)
    return Call(
        facts=facts,
        parameters=_parsed(facts.query, _LONGEST_QUERY),
        browser=known or Browser(door.entropy.token()),
        is_new=known is None,
        at_team_domain=at_team_domain,
        path={name: str(value) for name, value in request.path_params.items()},
        form=form,
    )


def _same_origin(door: Door, facts: RequestFacts, request: Request) -> None:
    """Refuse a POST that another origin sent (S7).

    Our pages send no referrer, so that browsers write `Origin: null` on their forms too;
    `Sec-Fetch-Site` tells the truth then, and the form's token does where neither is sent.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None and site.lower() != "same-origin":
        raise HTTPException(403)
    origin = request.headers.get("origin")
    if origin is not None and origin not in ("null", f"{door.scheme}://{facts.authority}"):
        raise HTTPException(403)


async def _form(request: Request) -> Parameters:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        raise HTTPException(415)
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > _LARGEST_FORM:
            raise HTTPException(413)
    try:
        return _parsed(body.decode("ascii"), _LARGEST_FORM)
    except UnicodeDecodeError as error:
        raise HTTPException(400) from error


def _parsed(query: str, longest: int) -> Parameters:
    if len(query) > longest:
        raise HTTPException(400)
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=_MOST_PARAMETERS)
    except ValueError as error:
        raise HTTPException(400) from error
    found: dict[str, tuple[str, ...]] = {}
    for name, value in pairs:
        found[name] = (*found.get(name, ()), value)
    return found


def _one(parameters: Parameters, name: str) -> str:
    values = parameters.get(name, ())
    return values[0] if len(values) == 1 else ""
