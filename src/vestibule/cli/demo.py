"""`vestibule demo`: the complete product with sample applications and a simulated Okta."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import httpx2
import typer

from vestibule.app import Installation, open_installation
from vestibule.cli.demo_documents import (
    APPLICATIONS,
    PEOPLE,
    Kept,
    configuration_document,
    okta_world,
    samples_configuration,
)
from vestibule.cli.output import err, out, reporting, table
from vestibule.cli.processes import Child, Family
from vestibule.flows.configure import apply_plan, plan_changes
from vestibule.flows.document.read import read_document
from vestibule.model.values import Secret
from vestibule.settings import Settings, read_settings

START_WITHIN = 120.0


def demo(
    data: Annotated[Path, typer.Option(help="Where the demo keeps its state.")] = Path(".demo"),
    port: Annotated[int, typer.Option(help="Port of the gateway; 0 takes a free one.")] = 8080,
    ready_file: Annotated[
        Path | None, typer.Option(help="Written as JSON when everything answers.")
    ] = None,
    fresh: Annotated[bool, typer.Option(help="Forget the state of earlier runs first.")] = False,
    quiet: Annotated[bool, typer.Option(help="Say nothing but errors.")] = False,
) -> None:
    """Run the gateway with three sample applications and a simulated Okta."""
    if fresh:
        shutil.rmtree(data, ignore_errors=True)
    if ready_file is not None:
        ready_file.unlink(missing_ok=True)
    data = data.resolve()
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    with reporting():
        okta_port = _free_port()
        settings = _settings(data, port, okta_port)
    family = Family()
    family.install_signals()
    try:
        with reporting():
            ready = _start(family, settings, data, okta_port, say=not quiet)
        if ready is None:
            raise typer.Exit(0 if family.stopping else 3)
        if ready_file is not None:
            _write_atomically(ready_file, ready)
        if not quiet:
            _tell(ready)
        family.watch()
    finally:
        family.stop()


def _settings(data: Path, port: int, okta_port: int) -> Settings:
    """Settings for plain HTTP on this machine; the file is left for the newcomer to read."""
    chosen = port or _free_port()
    document = {
        "data_dir": str(data),
        "runtime_dir": str(_short_directory(data)),
        "listen": {"host": "127.0.0.1", "port": chosen},
        "forward_auth": {"host": "127.0.0.1", "port": _free_port()},
        "monitoring": {
            "host": "127.0.0.1",
            "port": _free_port(),
            "control_plane_port": _free_port(),
        },
        "outbound": {"allow": [f"localhost:{okta_port}", f"127.0.0.1:{okta_port}"]},
        "control_plane_aliases": ["127.0.0.1", "localhost"],
        "envoy_concurrency": 1,
        "log_format": "console",
        "log_level": "warning",
    }
    file = data / "vestibule.yaml"
    # JSON is YAML; it is written by us alone and read by every child.
    file.write_text(json.dumps(document, indent=2) + "\n")
    return read_settings(file)


def _short_directory(data: Path) -> Path:
    """A directory for sockets: their paths may have 108 characters only."""
    if len(str(data)) < 70:
        return data / "run"
    base = Path(os.environ.get("XDG_RUNTIME_DIR") or "/tmp")  # noqa: S108 - the directory is ours, mode 0700
    directory = base / f"vestibule-{os.getpid()}-{int(time.time())}"
    directory.mkdir(mode=0o700)
    return directory


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _kept(data: Path, installation: Installation) -> Kept:
    file = data / "demo.json"
    if file.exists():
        return Kept(**json.loads(file.read_text()))
    entropy = installation.entropy
    kept = Kept(entropy.token(), "00" + entropy.token(30), entropy.token(36))
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        json.dump({name: getattr(kept, name) for name in Kept.__dataclass_fields__}, stream)
    return kept


def _start(
    family: Family, settings: Settings, data: Path, okta_port: int, *, say: bool
) -> dict[str, Any] | None:
    """Start everything in order; returns what the ready file says, None when it failed."""
    port = settings.listen.port
    auth_domain = f"team.localhost:{port}"
    team_url = f"http://{auth_domain}"
    installation = open_installation(settings, create=True)
    kept = _kept(data, installation)
    with err.status("Starting the simulated Okta and the sample applications...") as status:
        okta = f"http://localhost:{okta_port}"
        world = data / "okta.json"
        _write_atomically(world, okta_world(okta, team_url, kept))
        okta_ready = data / "okta.ready.json"
        okta_ready.unlink(missing_ok=True)
        family.add(
            Child(
                "simulated Okta",
                _module(
                    "simulated_okta",
                    *("--port", str(okta_port), "--config", str(world)),
                    *("--ready-file", str(okta_ready)),
                ),
                silent=True,
            )
        )
        samples_file = data / "samples.json"
        samples_ready = data / "samples.ready.json"
        samples_ready.unlink(missing_ok=True)
        ports = {name: _free_port() for name in ("wiki", "echo", "payroll")}
        document = configuration_document(okta, auth_domain, ports)
        _configure(installation, document, kept)
        configuration = installation.store.configuration()
        _write_atomically(samples_file, samples_configuration(configuration, port, team_url, ports))
        family.add(
            Child(
                "sample applications",
                _module(
                    "sample_applications",
                    *("--config", str(samples_file), "--ready-file", str(samples_ready)),
                ),
                silent=True,
            )
        )
        status.update("Starting the control plane and Envoy...")
        config = str(data / "vestibule.yaml")
        family.add(Child("control plane", _module("vestibule.cli", "serve", "--config", config)))
        family.add(Child("gateway", _module("vestibule.cli", "gateway", "--config", config)))
        files = (okta_ready, samples_ready)
        up = family.wait_until(
            lambda: all(file.exists() for file in files) and _answers(port, auth_domain),
            START_WITHIN,
            "the demo",
        )
    if not up:
        return None
    if say:
        err.print("Everything answers.")
    return _ready(installation, settings, auth_domain, kept)


def _module(name: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", name, *arguments]


def _configure(installation: Installation, document: dict[str, Any], kept: Kept) -> None:
    """Apply the demo's document, as `vestibule apply` would."""
    secrets = {"OKTA_CLIENT_SECRET": kept.okta_client_secret, "OKTA_API_TOKEN": kept.okta_api_token}

    def read_secret(value: Any, _path: str) -> Secret:
        return Secret(secrets[value["env"]])

    current = installation.store.configuration()
    reading = read_document(
        document,
        current,
        read_secret=read_secret,
        entropy=installation.entropy,
        clock=installation.clock,
    )
    plan = plan_changes(current, reading.configuration)
    if not plan.empty:
        apply_plan(plan, installation.store)
    installation.ensure_api_token("demo", kept.api_token)


def _answers(port: int, auth_domain: str) -> bool:
    """Whether a page of the control plane comes back through Envoy."""
    try:
        answer = httpx2.get(
            f"http://127.0.0.1:{port}/cdn-cgi/access/certs",
            headers={"Host": auth_domain},
            timeout=1.0,
            trust_env=False,
        )
    except httpx2.HTTPError:
        return False
    return answer.status_code == 200 and bool(answer.json().get("keys"))


def _ready(
    installation: Installation, settings: Settings, auth_domain: str, kept: Kept
) -> dict[str, Any]:
    configuration = installation.store.configuration()
    port = settings.listen.port
    gateway_url = f"http://127.0.0.1:{port}"
    return {
        "gateway_url": gateway_url,
        "team_domain": auth_domain,
        "team_url": f"http://{auth_domain}",
        "api_base_url": f"{gateway_url}/client/v4",
        "account_id": configuration.organization.id,
        "api_token": kept.api_token,
        "forward_auth_url": f"http://127.0.0.1:{settings.forward_auth.port}",
        "monitoring_url": f"http://127.0.0.1:{settings.monitoring.port}",
        "applications": [
            {
                "name": application.name,
                "url": APPLICATIONS[application.name].format(port=port),
                "aud": application.aud,
            }
            for application in configuration.applications.values()
            if application.name in APPLICATIONS
        ],
        "identity_providers": [
            {"id": provider.id, "name": provider.name, "type": provider.type}
            for provider in configuration.identity_providers.values()
        ],
        "users": [person.to_json() for person in PEOPLE],
    }


def _write_atomically(file: Path, document: dict[str, Any]) -> None:
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        json.dump(document, stream, indent=2)
    draft.replace(file)


def _tell(ready: dict[str, Any]) -> None:
    out.print()
    rows = [(one["name"], one["url"]) for one in ready["applications"]]
    out.print(table("Open", ("application", "address"), [*rows, ("Launcher", ready["team_url"])]))
    out.print()
    out.print(
        table(
            "Sign in as",
            ("e-mail", "password", "second factors", "groups"),
            [
                (
                    person.email,
                    person.password,
                    ", ".join(factor["name"] for factor in person.factors) or "none",
                    ", ".join(person.groups),
                )
                for person in PEOPLE
            ],
            whole=3,
        )
    )
    out.print()
    out.print("The simulated Okta shows passwords and codes on its sign-in page. Ctrl-C stops.")
