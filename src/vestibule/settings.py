"""How this installation runs: one file and the environment, read once, into one frozen value.

What is protected, and by which policies, is not here: that is the configuration, which
lives in the store (`vestibule apply`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from vestibule.model.errors import InvalidConfiguration

_FROZEN = ConfigDict(extra="forbid", frozen=True)


class Listen(BaseModel):
    """Where a listener accepts connections, and its certificate (PEM files) for TLS."""

    model_config = _FROZEN

    host: str = "0.0.0.0"  # noqa: S104 - a gateway is there to be reached
    port: int = Field(default=8443, ge=0, le=65535)
    tls_certificate: Path | None = None
    tls_key: Path | None = None

    @model_validator(mode="after")
    def _both_or_neither(self) -> Listen:
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("tls_certificate and tls_key go together: give both or neither")
        return self


class ForwardAuthListen(BaseModel):
    """The listener that foreign proxies ask. Off while `port` is unset."""

    model_config = _FROZEN

    host: str = "127.0.0.1"
    port: int | None = Field(default=None, ge=0, le=65535)
    tls_certificate: Path | None = None
    tls_key: Path | None = None


class Monitoring(BaseModel):
    """The private listener of health and metrics: never on the public one."""

    model_config = _FROZEN

    host: str = "127.0.0.1"
    port: int = Field(default=9901, ge=0, le=65535, description="The gateway's and Envoy's.")
    control_plane_port: int = Field(default=9902, ge=0, le=65535)


class Outbound(BaseModel):
    """What we may call. Public https addresses always; anything else only if listed.

    `allow` holds `host`, `host:port` or CIDR entries that may be private or plain http.
    `ca_file` adds certificate authorities of your own.
    """

    model_config = _FROZEN

    allow: tuple[str, ...] = ()
    ca_file: Path | None = None
    timeout: float = Field(default=5.0, gt=0, le=60)


class Smtp(BaseModel):
    """The mail relay, for approval requests. Off while `host` is empty."""

    model_config = _FROZEN

    host: str = ""
    port: int = Field(default=587, ge=1, le=65535)
    username: str = ""
    password_file: Path | None = None
    starttls: bool = True
    sender: str = "vestibule@localhost"


class Settings(BaseSettings):
    """All settings. Each can be given as `VESTIBULE_<NAME>`, nested ones with `__`."""

    model_config = SettingsConfigDict(
        env_prefix="VESTIBULE_",
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
    )

    data_dir: Path = Path("/var/lib/vestibule")
    runtime_dir: Path | None = Field(default=None, description="Sockets and Envoy's files.")
    database_url: str = Field(default="", description="Empty: SQLite in data_dir.")
    sealing_key_file: Path | None = Field(
        default=None, description="The key that seals secrets at rest; default data_dir/seal.key."
    )
    listen: Listen = Listen()
    forward_auth: ForwardAuthListen = ForwardAuthListen()
    monitoring: Monitoring = Monitoring()
    trusted_hops: int = Field(
        default=0, ge=0, le=8, description="Proxies of yours in front of the public listener."
    )
    geoip_database: Path | None = Field(default=None, description="A MaxMind country database.")
    outbound: Outbound = Outbound()
    smtp: Smtp = Smtp()
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["json", "console"] = "json"
    envoy_concurrency: int = Field(default=0, ge=0, description="Worker threads; 0: one a core.")
    control_plane_aliases: tuple[str, ...] = Field(
        default=(), description="Further Host names answered as the team domain."
    )
    allow_plain_http: bool = Field(
        default=False, description="Serve without TLS on names other than localhost."
    )

    @property
    def store_url(self) -> str:
        """The database's address, with the default filled in."""
        return self.database_url or f"sqlite:///{self.data_dir / 'vestibule.db'}"

    @property
    def seal_file(self) -> Path:
        """The sealing key's file, with the default filled in."""
        return self.sealing_key_file or self.data_dir / "seal.key"

    @property
    def run_dir(self) -> Path:
        """The directory of sockets and of Envoy's files, with the default filled in."""
        return self.runtime_dir or self.data_dir / "run"

    @property
    def scheme(self) -> str:
        """The scheme of the public listener."""
        return "https" if self.listen.tls_certificate else "http"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment wins over the file."""
        return (env_settings, init_settings)


def _document(file: Path) -> dict[str, Any]:
    """The settings in `file`; raises `InvalidConfiguration` where there are none to read."""
    try:
        document: object = YAML(typ="safe").load(file.read_text())  # pyright: ignore[reportUnknownMemberType] - ruamel is untyped here
    except OSError as error:
        raise InvalidConfiguration(f"cannot read {file}: {error.strerror}") from error
    except YAMLError as error:
        raise InvalidConfiguration(f"{file} is not YAML: {error}") from error
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise InvalidConfiguration(f"{file} should hold settings by name")
    return cast("dict[str, Any]", document)


def read_settings(file: Path | None = None, **overrides: Any) -> Settings:
    """Read `file` (YAML), the environment and `overrides` into one frozen value.

    Raises `InvalidConfiguration` that names the field and what was expected.
    """
    values = {**_document(file), **overrides} if file is not None else overrides
    try:
        return Settings(**values)
    except ValidationError as error:
        first = error.errors()[0]
        path = ".".join(str(part) for part in first["loc"])
        raise InvalidConfiguration(first["msg"], path=path) from error
