"""Real proxies, run as the how-to pages say."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme

from tests.forward_auth.pages import blocks, filled
from vestibule.dataplane.envoy_process import envoy_binary

HOSTS = ("wiki.localhost", "echo.localhost", "payroll.localhost")


@dataclass(frozen=True)
class Place:
    """What a recipe is filled with: where Vestibule listens, its secret, the application."""

    vestibule: int
    secret: str
    origin: int


@dataclass
class Proxy:
    """A running proxy."""

    name: str
    port: int
    process: subprocess.Popen[bytes]
    directory: Path

    def stop(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(10)
        shutil.rmtree(self.directory, ignore_errors=True)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def program(name: str) -> str:
    """The program's path; skips the test, saying why, where it is missing."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if found is None:
        pytest.skip(f"no {name} on this machine: install the package {name}")
    return found


def nginx(place: Place) -> Proxy:
    """nginx with the four files of its page."""
    binary = program("nginx")
    directory, pem, key = _directory()
    port, page = free_port(), blocks("forward-auth-nginx")
    values = {
        "/etc/nginx/conf.d/vestibule.conf": {"127.0.0.1:9180": f"127.0.0.1:{place.vestibule}"},
        "/etc/nginx/vestibule/question.conf": {"the secret": place.secret},
        "/etc/nginx/vestibule/server.conf": {"/etc/nginx/": f"{directory}/"},
        "/etc/nginx/vestibule/protect.conf": {},
        "/etc/nginx/sites-enabled/wiki.conf": {
            "/etc/nginx/": f"{directory}/",
            "/etc/ssl/wiki.pem": str(pem),
            "/etc/ssl/wiki.key": str(key),
            "listen 443": f"listen 127.0.0.1:{port}",
            "wiki.example.com": " ".join(HOSTS),
            "127.0.0.1:3000": f"127.0.0.1:{place.origin}",
        },
    }
    for name, changes in values.items():
        file = directory / name.removeprefix("/etc/nginx/")
        file.parent.mkdir(exist_ok=True)
        file.write_text(filled(page[name], changes))
    temporary = "".join(
        f"{kind}_temp_path {directory}/{kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    main = directory / "nginx.conf"
    main.write_text(
        f"daemon off;\npid {directory}/pid;\nerror_log stderr warn;\nworker_processes 1;\n"
        f"events {{}}\nhttp {{\naccess_log off;\n{temporary}"
        f"include {directory}/conf.d/*.conf;\ninclude {directory}/sites-enabled/*.conf;\n}}\n"
    )
    return _started("nginx", port, directory, [binary, "-c", str(main), "-p", str(directory)])


def caddy(place: Place) -> Proxy:
    """Caddy with the Caddyfile of its page."""
    binary = program("caddy")
    directory, pem, key = _directory()
    port = free_port()
    sites = ", ".join(f"https://{host}:{port}" for host in HOSTS)
    file = directory / "Caddyfile"
    options = "{\n\tadmin off\n\tauto_https disable_redirects\n\tskip_install_trust\n}\n"
    file.write_text(
        options
        + filled(
            blocks("forward-auth-caddy")["/etc/caddy/Caddyfile"],
            {
                "127.0.0.1:9180": f"127.0.0.1:{place.vestibule}",
                "127.0.0.1:3000": f"127.0.0.1:{place.origin}",
                "wiki.example.com {": f"{sites} {{\n\ttls {pem} {key}\n\tbind 127.0.0.1",
            },
        )
    )
    return _started(
        "caddy",
        port,
        directory,
        [binary, "run", "--config", str(file), "--adapter", "caddyfile"],
        HOME=str(directory),
        XDG_DATA_HOME=str(directory),
        XDG_CONFIG_HOME=str(directory),
        FORWARD_AUTH_SECRET=place.secret,
    )


def envoy(place: Place) -> Proxy:
    """A foreign Envoy, of the same version as ours, with the configuration of its page."""
    directory, pem, key = _directory()
    port = free_port()
    domains = ", ".join(f'"{host}", "{host}:*"' for host in HOSTS)
    here = "address: 127.0.0.1, port_value: "
    file = directory / "envoy.yaml"
    file.write_text(
        filled(
            blocks("forward-auth-envoy")["/etc/envoy/envoy.yaml"],
            {
                "address: 0.0.0.0, port_value: 443": f"{here}{port}",
                "/etc/ssl/wiki.pem": str(pem),
                "/etc/ssl/wiki.key": str(key),
                '"wiki.example.com", "wiki.example.com:*"': domains,
                "the secret": place.secret,
                "127.0.0.1:9180": f"127.0.0.1:{place.vestibule}",
                f"{here}9180": f"{here}{place.vestibule}",
                f"{here}3000": f"{here}{place.origin}",
            },
        )
    )
    arguments = ["-c", str(file), "--disable-hot-restart", "--concurrency", "1", "-l", "error"]
    return _started("envoy", port, directory, [str(envoy_binary()), *arguments])


def haproxy(place: Place) -> Proxy:
    """HAProxy with the script and the configuration of its page."""
    binary = program("haproxy")
    directory, pem, key = _directory()
    port, page = free_port(), blocks("forward-auth-haproxy")
    both = directory / "both.pem"
    both.write_bytes(pem.read_bytes() + key.read_bytes())
    script, file = directory / "vestibule.lua", directory / "haproxy.cfg"
    vestibule = {"127.0.0.1:9180": f"127.0.0.1:{place.vestibule}"}
    script.write_text(filled(page["/etc/haproxy/vestibule.lua"], vestibule))
    file.write_text(
        filled(
            page["/etc/haproxy/haproxy.cfg"],
            {
                **vestibule,
                "/etc/haproxy/vestibule.lua": str(script),
                "bind :443": f"bind 127.0.0.1:{port}",
                "/etc/ssl/wiki.pem": str(both),
                "wiki.example.com": " ".join(HOSTS),
                "127.0.0.1:3000": f"127.0.0.1:{place.origin}",
            },
        )
    )
    secret = {"FORWARD_AUTH_SECRET": place.secret}
    return _started("haproxy", port, directory, [binary, "-db", "-f", str(file)], **secret)


PROXIES: Mapping[str, Callable[[Place], Proxy]] = {
    "nginx": nginx,
    "caddy": caddy,
    "envoy": envoy,
    "haproxy": haproxy,
}


def _directory() -> tuple[Path, Path, Path]:
    """A directory with a certificate for the hosts, and its key."""
    directory = Path(tempfile.mkdtemp(prefix="v-", dir="/tmp"))
    directory.chmod(0o755)
    issued = trustme.CA().issue_cert(*HOSTS)
    pem, key = directory / "proxy.pem", directory / "proxy.key"
    issued.private_key_pem.write_to_path(key)
    for blob in issued.cert_chain_pems:
        blob.write_to_path(pem, append=True)
    return directory, pem, key


def _started(
    name: str, port: int, directory: Path, command: list[str], **environment: str
) -> Proxy:
    log = directory / "log"
    with log.open("wb") as stream:
        process = subprocess.Popen(
            command,
            env={**os.environ, **environment},
            stdout=stream,
            stderr=stream,
            start_new_session=True,
        )
    proxy = Proxy(name, port, process, directory)
    end = time.monotonic() + 20
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return proxy
        except OSError:
            if process.poll() is not None or time.monotonic() > end:
                said = log.read_text()[-3000:]
                proxy.stop()
                pytest.fail(f"{name} did not start:\n{said}")
            time.sleep(0.02)
