"""The demo, with an application for each behaviour that the reference describes."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import grpc

from tests.end_to_end.visitor import Visitor

if TYPE_CHECKING:
    from tests.end_to_end.conftest import Demo

Document = dict[str, Any]
PROMPT = "What do you need the wiki for?"


def _app(name: str, *destinations: str, policies: tuple[str, ...] = ("Staff",), **more: Any):
    return {
        "name": name,
        "type": "self_hosted",
        "destinations": list(destinations),
        "policies": list(policies),
        "app_launcher_visible": False,
        **more,
    }


ORIGIN = "http://page.example"
APPLICATIONS: list[Document] = [
    _app(
        "Preflight answered",
        "cors.localhost",
        cors={
            "allowed_origins": [ORIGIN],
            "allowed_methods": ["GET", "PUT"],
            "allowed_headers": ["x-one"],
            "allow_credentials": True,
            "max_age": 600,
        },
    ),
    _app("Preflight passed", "passing.localhost", options_preflight_bypass=True),
    _app("Two houses", "east.localhost", "west.localhost"),
    _app("Two lazy houses", "lazy.localhost", "lazier.localhost", eager_redirect_cookie=False),
    _app("Path one", "paths.localhost/echo/one", path_cookie=True),
    _app("Path two", "paths.localhost/echo/two", path_cookie=True),
    _app("Echo, a part of it", "echo.localhost/echo/part", policies=("Builders",)),
    _app("Bound", "bound.localhost", enable_binding_cookie=True),
    _app("At once", "once.localhost", session_duration="0s"),
    _app("Short", "short.localhost", session_duration="2s"),
    _app("Machines", "machines.localhost", policies=("Machines",), service_auth_401_redirect=False),
    _app(
        "Single header",
        "single.localhost",
        policies=("Machines",),
        read_service_tokens_from_header="X-Machine",
    ),
    _app(
        "People and machines",
        "both.localhost",
        policies=("Machines", "Staff"),
        service_auth_401_redirect=True,
    ),
    _app("Nowhere", "nowhere.localhost"),
    _app("Told", "told.localhost", policies=("Somebody else",), custom_deny_message="Ask Grace."),
    _app(
        "Sent away",
        "away.localhost",
        policies=("Somebody else",),
        custom_deny_url="http://denied.example/why",
    ),
    _app("Elsewhere only", "elsewhere.localhost", policies=("From elsewhere",)),
    _app(
        "Elsewhere only, sent away",
        "elsewhere2.localhost",
        policies=("From elsewhere",),
        custom_non_identity_deny_url="http://denied.example/where",
    ),
    _app("Wild", "*.wild.localhost"),
    _app("Linked", "linked.localhost", policies=("By the echo",)),
    _app("Straight", "straight.localhost", auto_redirect_to_identity=True),
    _app("Remote calls", "grpc.localhost"),
    _app("Strict cookie", "strict.localhost", same_site="strict", http_only_cookie=False),
]
POLICIES: list[Document] = [
    {
        "name": "Somebody else",
        "decision": "allow",
        "include": [{"email": {"email": "grace@example.com"}}],
    },
    {
        "name": "From elsewhere",
        "decision": "allow",
        "include": [{"everyone": {}}],
        "require": [{"ip": {"ip": "203.0.113.7/32"}}],
    },
]
ECHOING = (
    *("cors.localhost", "passing.localhost", "east.localhost", "west.localhost"),
    *("lazy.localhost", "lazier.localhost", "paths.localhost", "bound.localhost"),
    *("once.localhost", "short.localhost", "machines.localhost", "single.localhost"),
    *("both.localhost", "told.localhost", "away.localhost", "elsewhere.localhost"),
    *(
        "linked.localhost",
        "elsewhere2.localhost",
        "*.wild.localhost",
        "straight.localhost",
        "strict.localhost",
    ),
)


@dataclass
class World:
    """A running demo with more applications, and how to change what it is configured to do."""

    demo: Demo
    auds: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def ready(self) -> Document:
        """What the demo's ready file says."""
        return self.demo.ready

    @property
    def team(self) -> str:
        """The team domain with its port."""
        return str(self.ready["team_domain"])

    def visitor(self) -> Visitor:
        """A browser that has never been anywhere."""
        return Visitor(self.demo.port)

    def person(self, name: str) -> Document:
        """One of the demo's people, by the beginning of their address."""
        return next(one for one in self.ready["users"] if one["email"].startswith(name))

    def signed_in(self, name: str, host: str = "wiki.localhost", path: str = "/") -> Visitor:
        """A browser in which that person has entered the application at `host`."""
        visitor = self.visitor()
        page = visitor.sign_in(visitor.url(host, path), self.person(name))
        assert page.status == 200, (page.url, page.status, page.text[:500])
        assert page.url.startswith(visitor.url(host, "")), (page.url, page.text[:500])
        return visitor

    def signed_in_anywhere(self, name: str, host: str) -> Visitor:
        """The same, where the application's own answer is not a page that a browser can read."""
        visitor = self.visitor()
        visitor.sign_in(visitor.url(host), self.person(name))
        assert visitor.cookie(host, "CF_Authorization"), visitor.trail[-1]
        return visitor

    def json(self, *command: str) -> Any:
        """What a command of the product says as JSON."""
        return json.loads(self.demo.command(*command, "--json"))

    def export(self) -> Document:
        """The configuration, as a document."""
        return self.json("export")

    def apply(self, document: Document) -> None:
        """Make the configuration what `document` says."""
        file = self.demo.data / "changed.yaml"
        file.write_text(json.dumps(document))
        self.demo.command("apply", "--file", str(file), "--yes")

    @contextmanager
    def changed(self, change: Callable[[Document], None]) -> Iterator[None]:
        """The configuration with a change, until the end of the block."""
        before = self.export()
        after = self.export()
        change(after)
        self.apply(after)
        try:
            yield
        finally:
            self.apply(before)

    def aud(self, name: str) -> str:
        """The AUD tag of an application, which never changes."""
        if name not in self.auds:
            self.auds |= {one["name"]: one["aud"] for one in self.export()["applications"]}
        return self.auds[name]

    def log(self, **wanted: Any) -> list[Document]:
        """The records of the access log whose fields are as `wanted`, newest first."""
        records = self.json("logs", "--limit", "500")
        return [one for one in records if all(one.get(k) == v for k, v in wanted.items())]

    def logged(self, **wanted: Any) -> Document:
        """The newest record that is as `wanted`: waits, since it is written after the answer."""
        return eventually(lambda: next(iter(self.log(**wanted)), None))


def eventually(find: Callable[[], Any], within: float = 8.0) -> Any:
    """What `find` finds when it finds something."""
    end = time.monotonic() + within
    while True:
        found = find()
        if found:
            return found
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.03)


def add_applications(document: Document, remote_calls: int) -> None:
    """Put the applications and their origins into the demo's document."""
    whole = next(one for one in document["applications"] if one["name"] == "Echo")
    linked = {"linked_app_token": {"app_uid": whole["id"]}}
    document["policies"].append(
        {"name": "By the echo", "decision": "non_identity", "include": [linked]}
    )
    echo = next(one for one in document["origins"] if one["match"] == "echo.localhost")
    document["policies"] += POLICIES
    document["applications"] += APPLICATIONS
    document["origins"] += [
        {"name": f"echo for {host}", "match": host, "urls": echo["urls"]} for host in ECHOING
    ]
    document["origins"].append(
        {
            "name": "remote calls",
            "match": "grpc.localhost",
            "urls": [f"h2c://127.0.0.1:{remote_calls}"],
        }
    )


def straight(document: Document) -> None:
    """The chooser may be skipped where one provider alone is allowed."""
    provider = document["identity_providers"][0]["name"]
    for one in document["applications"]:
        if one.get("auto_redirect_to_identity"):
            one["allowed_idps"] = [provider]


class Echoing(grpc.GenericRpcHandler):
    """Answers `/echo.Echo/Once` and `/echo.Echo/Stream` with the bytes that it was sent."""

    def service(self, handler_call_details: Any) -> Any:
        """The handler of a call."""
        method = handler_call_details.method
        if method == "/echo.Echo/Once":
            return grpc.unary_unary_rpc_method_handler(lambda request, _: request)
        if method == "/echo.Echo/Stream":
            return grpc.stream_stream_rpc_method_handler(lambda requests, _: requests)
        if method == "/echo.Echo/Who":
            return grpc.unary_unary_rpc_method_handler(_who)
        return None


def _who(_: bytes, context: Any) -> bytes:
    told = {key: value for key, value in context.invocation_metadata() if isinstance(value, str)}
    return json.dumps(told).encode()


def remote_calls() -> tuple[Any, int]:
    """A gRPC server without TLS, and its port."""
    server = grpc.server(ThreadPoolExecutor(8), handlers=[Echoing()])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, port
