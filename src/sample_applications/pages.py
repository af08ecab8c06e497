"""How the pages of the sample applications are rendered, and what they share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from sample_applications.configuration import Application
from sample_applications.identity import Identity, NotVerified, Verifier

_TEMPLATES: Final = Environment(
    loader=PackageLoader("sample_applications"), autoescape=True, undefined=StrictUndefined
)
_HEADERS: Final = {
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
        "img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "cache-control": "no-store",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
}

Page = Callable[[Request, Identity], Awaitable[Response]]


class Desk:
    """What the pages of one application need: its name, its verifier, its templates."""

    def __init__(self, name: str, application: Application, verifier: Verifier | None = None):
        self.name = name
        self.application = application
        self.verifier = verifier or Verifier(application)

    def render(self, template: str, *, status: int = 200, **context: Any) -> Response:
        """Return a page; every page knows the application and its team domain."""
        html = _TEMPLATES.get_template(template).render(
            application=self.name,
            team=self.application.team_url or self.application.issuer,
            **context,
        )
        return HTMLResponse(html, status_code=status, headers=_HEADERS)

    def protected(self, page: Page) -> Callable[[Request], Awaitable[Response]]:
        """Return an endpoint that serves `page` to whoever the gateway vouches for."""

        async def endpoint(request: Request) -> Response:
            try:
                identity = await self.verifier.verify(request.headers)
            except NotVerified as reason:
                return self.render("refused.html", status=403, reason=str(reason), identity=None)
            return await page(request, identity)

        return endpoint

    async def known(self, request: Request) -> Identity | None:
        """Return who is asking, or None where nobody needs to be known."""
        try:
            return await self.verifier.verify(request.headers)
        except NotVerified:
            return None

    def routes(self) -> list[BaseRoute]:
        """Return what every application has.

        Style, health, what the token says, and a page that asks for nobody's name: it is
        for a policy that lets everybody pass.
        """

        async def health(_: Request) -> Response:
            return PlainTextResponse("ok\n")

        async def whoami(_: Request, identity: Identity) -> Response:
            return self.render("whoami.html", identity=identity)

        async def public(request: Request) -> Response:
            return self.render("public.html", identity=await self.known(request))

        folder = Path(__file__).parent / "static"
        return [
            Route("/healthz", health),
            Route("/public", public),
            Route("/public/{rest:path}", public),
            Route("/whoami", self.protected(whoami)),
            Mount("/static", StaticFiles(directory=folder)),
        ]
