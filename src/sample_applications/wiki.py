"""The wiki: pages for everybody who is let in, and one that is open to all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sample_applications.identity import Identity
from sample_applications.pages import Desk


@dataclass(frozen=True)
class Article:
    """A page of the wiki."""

    title: str
    summary: str
    paragraphs: tuple[str, ...]


ARTICLES: Final[dict[str, Article]] = {
    "welcome": Article(
        "Welcome",
        "What this wiki is, and how you came to be reading it.",
        (
            "You asked for a page. A gateway stopped you at the door, sent you to sign in, "
            "looked at the policies of this application, and let you through with a signed "
            "note. This wiki never saw your password and keeps no accounts.",
            "It did read the note: the name at the top of this page comes from a token whose "
            "signature was checked with the keys that your team domain publishes.",
        ),
    ),
    "onboarding": Article(
        "Your first day",
        "Where the coffee is, and who holds the keys.",
        (
            "Everything you may open is on the launcher of your team domain. What is missing "
            "there, your policies do not give you; ask the owner, not the administrator.",
            "The payroll wants a security key. A code from your phone is not enough for it, "
            "and it will tell you so.",
        ),
    ),
    "runbook": Article(
        "When the lights go out",
        "The short list for whoever is on call.",
        (
            "If sign-in fails for everybody, look at the identity provider first and at the "
            "clock second.",
            "If one person is refused, ask for the reference code on their page: the log "
            "explains each refusal rule by rule.",
        ),
    ),
}


def create_app(desk: Desk) -> Starlette:
    """Return the wiki. `/public` needs nobody's name; everything else does."""

    async def index(_: Request, identity: Identity) -> Response:
        return desk.render("wiki_index.html", identity=identity, articles=ARTICLES)

    async def article(request: Request, identity: Identity) -> Response:
        found = ARTICLES.get(str(request.path_params["name"]))
        if found is None:
            return desk.render("missing.html", status=404, identity=identity)
        return desk.render("wiki_article.html", identity=identity, article=found)

    return Starlette(
        routes=[
            *desk.routes(),
            Route("/", desk.protected(index)),
            Route("/pages/{name}", desk.protected(article)),
        ]
    )
