"""What every connector can do, and what it is handed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from vestibule.model.identity import Identity, IdentityProvider
from vestibule.model.values import Json
from vestibule.protocols.exchange import Exchange


@dataclass(frozen=True, slots=True)
class SignIn:
    """A sign-in that is about to begin. `code_challenge` is that of an S256 verifier.

    `without_groups` asks again after `RetryWithoutGroups`.
    """

    redirect_uri: str
    state: str
    nonce: str
    code_challenge: str
    prompt: str = ""
    max_age: int | None = None
    acr_values: tuple[str, ...] = ()
    login_hint: str = ""
    without_groups: bool = False


@dataclass(frozen=True, slots=True)
class Expected:
    """What was asked when the sign-in began, so that the answer can be held against it."""

    redirect_uri: str
    nonce: str
    code_verifier: str
    now: datetime
    max_age: int | None = None
    without_groups: bool = False
    acr_values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """What a provider said when it was only asked whether it is there.

    `facts` are for the administrator to read; each warning is a sentence with what to do.
    """

    facts: Mapping[str, str]
    warnings: tuple[str, ...] = ()


class Connector(Protocol):
    """Speaks to one kind of identity provider."""

    def validate(
        self, config: Mapping[str, Json], secrets: frozenset[str], path: str
    ) -> Mapping[str, Json]:
        """Return the configuration as it is kept, or raise `InvalidConfiguration`.

        `secrets` are the names of those that are set. What it returns validates again.
        """
        ...

    def begin(self, provider: IdentityProvider, sign_in: SignIn) -> Exchange[str]:
        """The URL that the browser is sent to. Raises `SignInFailed`."""
        ...

    def complete(
        self,
        provider: IdentityProvider,
        answer: Mapping[str, tuple[str, ...]],
        expected: Expected,
    ) -> Exchange[Identity]:
        """What the provider says of the person, from the callback's parameters.

        Raises `SignInFailed`, or `RetryWithoutGroups` when the sign-in should be begun once
        more `without_groups`.
        """
        ...

    def probe(self, provider: IdentityProvider) -> Exchange[ProbeResult]:
        """Ask the provider whether it is what the configuration says. Raises `SignInFailed`."""
        ...
