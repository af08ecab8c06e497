"""The configuration file of `python -m sample_applications`, with the environment beside it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Final

from pydantic import ConfigDict, TypeAdapter

NAMES: Final = ("wiki", "status", "payroll")


@dataclass(frozen=True)
class Application:
    """Where one application listens, and whose tokens it believes.

    `certs_url` is the team domain's `/cdn-cgi/access/certs`, `issuer` the team domain itself,
    `audience` the application's AUD tag. Without a `certs_url` nobody can be believed, and
    the application says so.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")
    host: str = "127.0.0.1"
    port: int = 0
    certs_url: str = ""
    issuer: str = ""
    audience: str = ""
    ca_file: str = ""


@dataclass(frozen=True)
class Configuration:
    """All three."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")
    wiki: Application = field(default_factory=Application)
    status: Application = field(default_factory=Application)
    payroll: Application = field(default_factory=Application)

    def named(self) -> dict[str, Application]:
        """Return the applications by name."""
        return {"wiki": self.wiki, "status": self.status, "payroll": self.payroll}


def read(path: Path | None, environment: Mapping[str, str] | None = None) -> Configuration:
    """Read the file, fill its gaps from the environment; raise `ValueError` for mistakes.

    `SAMPLE_<NAME>_CERTS_URL`, `..._ISSUER`, `..._AUDIENCE` and `..._CA_FILE` fill in what the
    file leaves out.
    """
    document: dict[str, Any] = json.loads(path.read_text()) if path is not None else {}
    given = TypeAdapter(Configuration).validate_python(document)
    variables = os.environ if environment is None else environment
    filled = {name: _filled(name, one, variables) for name, one in given.named().items()}
    return Configuration(**filled)


def _filled(name: str, one: Application, variables: Mapping[str, str]) -> Application:
    prefix = f"SAMPLE_{name.upper()}_"
    return replace(
        one,
        certs_url=one.certs_url or variables.get(f"{prefix}CERTS_URL", ""),
        issuer=one.issuer or variables.get(f"{prefix}ISSUER", ""),
        audience=one.audience or variables.get(f"{prefix}AUDIENCE", ""),
        ca_file=one.ca_file or variables.get(f"{prefix}CA_FILE", ""),
    )
