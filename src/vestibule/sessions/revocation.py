"""What a revocation reaches (access.md 4.7; design.md, "State")."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from vestibule.model.session import GlobalSession, Grant


@dataclass(frozen=True, slots=True)
class OfUser:
    """Everything of one person; they cannot sign in again for a minute."""

    user_id: str


@dataclass(frozen=True, slots=True)
class OfSession:
    """One sign-in, and all that was issued under it."""

    session_id: str


@dataclass(frozen=True, slots=True)
class OfApplication:
    """Every token of one application; people and machines may come straight back."""

    application_id: str


@dataclass(frozen=True, slots=True)
class OfGrant:
    """One application token."""

    grant_id: str


@dataclass(frozen=True, slots=True)
class OfServiceToken:
    """Every application token that one machine was given."""

    service_token_id: str


Revocation: TypeAlias = OfUser | OfSession | OfApplication | OfGrant | OfServiceToken


@dataclass(frozen=True, slots=True)
class Reach:
    """The ids of what ends."""

    sessions: tuple[str, ...]
    grants: tuple[str, ...]


def reach(
    revocation: Revocation, sessions: Sequence[GlobalSession], grants: Sequence[Grant]
) -> Reach:
    """Return which of the live `sessions` and `grants` the revocation ends.

    A person's end takes the grants below each of their sessions with it, also those that
    do not name the person themselves.
    """
    match revocation:
        case OfUser(user_id):
            ended = {session.id for session in sessions if session.user_id == user_id}
            below = [g for g in grants if g.user_id == user_id or g.session_id in ended]
        case OfSession(session_id):
            ended = {session.id for session in sessions if session.id == session_id}
            below = [grant for grant in grants if grant.session_id == session_id]
        case OfApplication(application_id):
            ended = set[str]()
            below = [grant for grant in grants if grant.application_id == application_id]
        case OfGrant(grant_id):
            ended = set[str]()
            below = [grant for grant in grants if grant.id == grant_id]
        case OfServiceToken(service_token_id):
            ended = set[str]()
            below = [grant for grant in grants if grant.service_token_id == service_token_id]
    return Reach(tuple(sorted(ended)), tuple(grant.id for grant in below))
