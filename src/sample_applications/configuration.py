"""The configuration file of `python -m sample_applications`, with the environment beside it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Final

from pydantic import ConfigDict, TypeAdapter

_STRICT: Final = ConfigDict(extra="forbid")
_SHARED: Final = ("certs_url", "issuer", "team_url", "ca_file")


@dataclass(frozen=True)
class Application:
    """Where one application listens, and whose tokens it believes.

    `certs_url` is where the team domain's `/cdn-cgi/access/certs` is found, `issuer` the
    issuer of its tokens, `audience` the application's AUD tag. `team_url` names the team
    domain where `certs_url` only has its address: the `Host` of the question, and the link to
    all applications. Without keys, issuer and audience nobody can be believed.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT
    host: str = "127.0.0.1"
    port: int = 0
    certs_url: str = ""
    issuer: str = ""
    audience: str = ""
    team_url: str = ""
    ca_file: str = ""


@dataclass(frozen=True)
class Applications:
    """The three of them."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT
    wiki: Application = field(default_factory=Application)
    echo: Application = field(default_factory=Application)
    payroll: Application = field(default_factory=Application)


@dataclass(frozen=True)
class Configuration:
    """What the applications share, and each with its own; its own goes first."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT
    certs_url: str = ""
    issuer: str = ""
    team_url: str = ""
    ca_file: str = ""
    applications: Applications = field(default_factory=Applications)

    def named(self) -> dict[str, Application]:
        """Return the applications by name, the shared values filled in."""
        each = self.applications
        return {
            name: replace(one, **{m: getattr(one, m) or getattr(self, m) for m in _SHARED})
            for name, one in (("wiki", each.wiki), ("echo", each.echo), ("payroll", each.payroll))
        }


def read(path: Path | None, environment: Mapping[str, str] | None = None) -> Configuration:
    """Read the file, fill its gaps from the environment; raise `ValueError` for mistakes.

    `SAMPLE_CERTS_URL`, `SAMPLE_ISSUER`, `SAMPLE_TEAM_URL` and `SAMPLE_CA_FILE` stand for what
    the file leaves out, as does `SAMPLE_<NAME>_AUDIENCE` for each application.
    """
    document: dict[str, Any] = json.loads(path.read_text()) if path is not None else {}
    given = TypeAdapter(Configuration).validate_python(document)
    variables = os.environ if environment is None else environment

    def audience(name: str, one: Application) -> Application:
        told = variables.get(f"SAMPLE_{name.upper()}_AUDIENCE", "")
        return replace(one, audience=one.audience or told)

    each = given.applications
    return replace(
        given,
        **{
            member: getattr(given, member) or variables.get(f"SAMPLE_{member.upper()}", "")
            for member in _SHARED
        },
        applications=Applications(
            audience("wiki", each.wiki),
            audience("echo", each.echo),
            audience("payroll", each.payroll),
        ),
    )
