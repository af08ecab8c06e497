"""What the attacks need: raw sockets, a visitor without a browser, and an origin that tells all.

HTTP clients normalise what they send; here every octet is the test's own.
"""

from __future__ import annotations

import json
import re
import socket
import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import unescape
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

import pyotp

from tests.end_to_end.conftest import Demo, start_demo, stop_demo
from tests.end_to_end.signing_in import person

_HIDDEN = re.compile(r'<input[^>]*type="hidden"[^>]*>')
_ATTRIBUTE = re.compile(r'(name|value)="([^"]*)"')
_ACTION = re.compile(r'<form[^>]*action="([^"]*)"')


@dataclass(frozen=True)
class Answer:
    """One response, as its octets were read."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def all(self, name: str) -> list[str]:
        """Every value of the header `name` (lower case)."""
        return [value for told, value in self.headers if told == name]

    def one(self, name: str) -> str:
        """The value of the header `name`, empty when there is none."""
        return next(iter(self.all(name)), "")


def send(port: int, octets: bytes, *, wait: float = 10.0) -> list[Answer]:
    """Send `octets` to the gateway and return every answer until it closes or goes silent."""
    return parse(send_raw(port, octets, wait=wait))


def send_raw(port: int, octets: bytes, *, wait: float = 10.0) -> bytes:
    """The same, unparsed."""
    received = b""
    with socket.create_connection(("127.0.0.1", port), timeout=wait) as connection:
        try:
            connection.sendall(octets)
            while part := connection.recv(65536):
                received += part
        except OSError:
            pass
    return received


def parse(octets: bytes) -> list[Answer]:
    """Take apart a row of HTTP/1.1 responses."""
    answers: list[Answer] = []
    while octets.startswith(b"HTTP/1."):
        head, _, rest = octets.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = tuple(
            (name.lower(), value.strip())
            for name, _, value in (line.partition(":") for line in lines)
        )
        told = dict(headers)
        if "chunked" in told.get("transfer-encoding", ""):
            body, octets = _chunked(rest)
        else:
            length = int(told.get("content-length", "0"))
            body, octets = rest[:length], rest[length:]
        answers.append(Answer(int(first.split(" ")[1]), headers, body))
    return answers


def _chunked(octets: bytes) -> tuple[bytes, bytes]:
    body = b""
    while octets:
        size, _, octets = octets.partition(b"\r\n")
        length = int(size.split(b";")[0] or b"0", 16)
        body, octets = body + octets[:length], octets[length + 2 :]
        if not length:
            break
    return body, octets


def request(
    target: str | bytes,
    *headers: str,
    host: str | None,
    method: str = "GET",
    version: str = "HTTP/1.1",
) -> bytes:
    """A request of these very octets; `host` None leaves the header out."""
    raw = target.encode("latin-1") if isinstance(target, str) else target
    lines = [f"{method} ".encode() + raw + f" {version}".encode()]
    if host is not None:
        lines.append(f"Host: {host}".encode("latin-1"))
    lines += [header.encode("latin-1") for header in headers]
    lines.append(b"Connection: close")
    return b"\r\n".join(lines) + b"\r\n\r\n"


@dataclass
class Seen:
    """One request as it reached the origin."""

    target: str
    headers: list[tuple[str, str]]

    def all(self, name: str) -> list[str]:
        """Every value of the header `name` (lower case)."""
        return [value for told, value in self.headers if told.lower() == name]

    @property
    def cookie(self) -> str:
        """What it carries as cookies."""
        return "; ".join(self.all("cookie"))


@dataclass
class Recorder:
    """An origin that keeps the octets of all it is sent, and says 200 to everything."""

    port: int = 0
    octets: bytes = b""
    seen: list[Seen] = field(default_factory=list[Seen])

    def take(self) -> list[Seen]:
        """What came since the last call."""
        came, self.seen = self.seen, []
        return came


@contextmanager
def recording() -> Iterator[Recorder]:
    """Run a recorder. An upgrade is refused with 404 unless the path ends in `/ws`."""
    recorder = Recorder()

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            waiting = b""
            while part := self._part():
                recorder.octets += part
                waiting += part
                while b"\r\n\r\n" in waiting:
                    head, _, waiting = waiting.partition(b"\r\n\r\n")
                    waiting = self._answer(head, waiting)

        def _part(self) -> bytes:
            try:
                return self.request.recv(65536)
            except OSError:
                return b""

        def _answer(self, head: bytes, rest: bytes) -> bytes:
            first, *lines = head.decode("latin-1").split("\r\n")
            headers = [
                (name, value.strip()) for name, _, value in (line.partition(":") for line in lines)
            ]
            parts = first.split(" ")
            seen = Seen(parts[1] if len(parts) > 1 else first, headers)
            recorder.seen.append(seen)
            length = int(next(iter(seen.all("content-length")), "0"))
            while len(rest) < length and (part := self._part()):
                recorder.octets += part
                rest += part
            if seen.all("upgrade") and seen.target.partition("?")[0].endswith("/ws"):
                self.request.sendall(
                    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                    b"Connection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n"
                )
                return rest[length:]
            status = b"404 Not Found" if seen.all("upgrade") else b"200 OK"
            body = b"" if first.startswith("HEAD ") else first.encode("latin-1")
            self.request.sendall(
                b"HTTP/1.1 " + status + b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body
            )
            return rest[length:]

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True

    with Server(("127.0.0.1", 0), Handler) as server:
        recorder.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield recorder
        server.shutdown()


@dataclass
class Visitor:
    """Somebody with a jar of cookies, one for each host; every redirect is looked at."""

    port: int
    jar: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])

    def cookie(self, host: str) -> str:
        """The `Cookie` header for `host`, paths left aside."""
        return "; ".join(f"{name}={value}" for name, value in self.jar.get(host, {}).items())

    def ask(
        self, url: str, *headers: str, form: dict[str, str] | None = None, method: str = ""
    ) -> Answer:
        """Ask for `url` once, cookies and all; redirects are not followed."""
        parts = urlsplit(url)
        jar = self.jar.setdefault(parts.netloc, {})
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        told = list(headers)
        if jar and not any(header.lower().startswith("cookie:") for header in headers):
            told.append(f"Cookie: {self.cookie(parts.netloc)}")
        body = b""
        if form is not None:
            body = urlencode(form).encode()
            told += ["Content-Type: application/x-www-form-urlencoded"]
            told += [f"Content-Length: {len(body)}"]
        told.append("Accept: text/html")
        method = method or ("POST" if form is not None else "GET")
        octets = request(target, *told, host=parts.netloc, method=method) + body
        answers = send(parts.port or 80, octets, wait=20)
        assert answers, f"no answer to {url}"
        for cookie in answers[0].all("set-cookie"):
            pair, *attributes = cookie.split(";")
            name, _, value = pair.partition("=")
            if any(one.strip().lower() == "max-age=0" for one in attributes):
                jar.pop(name, None)
            else:
                jar[name] = value
        return answers[0]

    def follow(self, url: str, *, until: str = "\0", most: int = 12) -> tuple[str, Answer]:
        """Follow redirects from `url`, up to the one whose target contains `until`."""
        for _ in range(most):
            answer = self.ask(url)
            if answer.status not in (302, 303, 307):
                return url, answer
            url = urljoin(url, answer.one("location"))
            if until in url:
                return url, answer
        raise AssertionError(f"too many redirects, the last to {url}")

    def sign_in(self, ready: dict[str, Any], url: str, email: str, *, until: str = "\0") -> str:
        """Open `url`, sign in at the simulated Okta, and return the last address."""
        user = person(ready, email)
        at, answer = self.follow(url, until="/login/login.htm")
        if answer.status == 200:
            choice = re.search(r'href="([^"]*[?&]idp=[^"]*)"', unescape(answer.body.decode()))
            assert choice, f"no provider to choose at {at}"
            at, answer = self.follow(urljoin(at, choice[1]), until="/login/login.htm")
        if answer.status != 200:
            answer = self.ask(at)
        credentials = {"identifier": user["email"], "password": user["password"]}
        at, answer = self._submit(at, answer, credentials, until)
        if answer.status == 200 and b"/login/factor" in answer.body:
            at, answer = self._submit(at, answer, {"factor": "otp"}, until)
            seed = next(one["secret"] for one in user["factors"] if one["type"] == "totp")
            at, answer = self._submit(at, answer, {"code": pyotp.TOTP(seed).now()}, until)
        return at

    def _submit(
        self, at: str, answer: Answer, fields: dict[str, str], until: str
    ) -> tuple[str, Answer]:
        """Fill in the page's form, and follow where it leads."""
        html = answer.body.decode()
        pairs = [dict(_ATTRIBUTE.findall(one)) for one in _HIDDEN.findall(html)]
        hidden = {one["name"]: unescape(one.get("value", "")) for one in pairs if "name" in one}
        action = next(
            one for one in _ACTION.findall(html) if one.rsplit("/", 1)[-1] in _step(fields)
        )
        answer = self.ask(urljoin(at, unescape(action)), form={**hidden, **fields})
        assert answer.status in (302, 303), (answer.status, answer.body[:500])
        onward = urljoin(at, answer.one("location"))
        if until in onward:
            return onward, answer
        return self.follow(onward, until=until)


def _step(fields: dict[str, str]) -> tuple[str, ...]:
    if "password" in fields:
        return ("password",)
    return ("factor",) if "factor" in fields else ("code",)


def until(what: Any, *, within: float = 10.0) -> Any:
    """Wait for `what()` to be true, and return it."""
    deadline = time.monotonic() + within
    while True:
        if found := what():
            return found
        assert time.monotonic() < deadline, f"not within {within} s"
        time.sleep(0.02)


@dataclass
class Target:
    """A demo of its own with a recorder behind `raw.localhost`, and a machine's token.

    `raw.localhost` is for builders and machines, `raw.localhost/public` for everybody.
    """

    demo: Demo
    origin: Recorder
    machine: dict[str, str]

    @property
    def port(self) -> int:
        """The gateway's port."""
        return self.demo.port

    def host(self, name: str = "raw") -> str:
        """The authority of the application `name`."""
        return f"{name}.localhost:{self.port}"

    def send(self, target: str | bytes, *headers: str, **more: Any) -> Answer:
        """One request to `raw.localhost`, of these very octets; the first answer."""
        more.setdefault("host", self.host())
        wait = more.pop("wait", 10.0)
        answers = send(self.port, request(target, *headers, **more), wait=wait)
        return answers[0] if answers else Answer(0, (), b"")

    def signed_in(self, email: str = "bob@example.com", name: str = "raw") -> Visitor:
        """A visitor who has signed in to the application `name`."""
        visitor = Visitor(self.port)
        url = f"http://{self.host(name)}/start"
        assert visitor.sign_in(self.demo.ready, url, email) == url
        return visitor


@contextmanager
def under_attack(**environment: str) -> Iterator[Target]:
    """Run a target."""
    with recording() as origin:
        demo = start_demo(**environment)
        try:
            yield prepared(demo, origin)
        finally:
            stop_demo(demo)


def prepared(demo: Demo, origin: Recorder) -> Target:
    """Put the recorder behind `raw.localhost` and below, and make a service token."""
    document = json.loads(demo.command("export", "--json"))
    document["applications"] += [
        {
            "name": "Raw",
            "type": "self_hosted",
            "destinations": ["raw.localhost"],
            "policies": ["Machines", "Builders"],
        },
        {
            "name": "Raw (public pages)",
            "type": "self_hosted",
            "destinations": ["raw.localhost/public"],
            "policies": ["Anybody"],
        },
        {
            "name": "Wild",
            "type": "self_hosted",
            "destinations": ["*.wild.localhost"],
            "policies": ["Staff"],
        },
        {
            "name": "Single header",
            "type": "self_hosted",
            "destinations": ["single.localhost"],
            "policies": ["Machines", "Builders"],
            "read_service_tokens_from_header": "X-Machine",
        },
    ]
    url = f"http://127.0.0.1:{origin.port}"
    document["origins"] += [
        {"name": name, "match": match, "urls": [url]}
        for name, match in (
            ("raw", "raw.localhost"),
            ("wild", "*.wild.localhost"),
            ("single", "single.localhost"),
        )
    ]
    file = demo.data / "attacked.json"
    file.write_text(json.dumps(document))
    demo.command("apply", "--yes", "--file", str(file))
    file.unlink()
    machine = json.loads(demo.command("service-token", "create", "attacker", "--json"))
    target = Target(demo, origin, machine)
    until(lambda: target.send("/public/ready").status == 200, within=20)
    origin.take()
    return target
