"""What is written down and measured: access.md 11; issue 2, part 9."""

from __future__ import annotations

import json
import re
from http.client import HTTPConnection

import pytest

from tests.end_to_end.reference_world import World, eventually
from tests.end_to_end.visitor import NAVIGATION

pytestmark = pytest.mark.envoy


def test_a_login_is_recorded_with_the_fields_of_the_reference(world: World) -> None:
    """11: who, from where, to what, by which provider and policy, when, and its Ray ID."""
    visitor = world.signed_in("erin")
    record = world.logged(action="login", user_email="erin@example.com", allowed=True)
    document = world.export()
    provider = document["identity_providers"][0]["id"]
    wiki = next(one for one in document["applications"] if one["name"] == "Wiki")
    staff = next(one for one in document["policies"] if one["name"] == "Staff")
    assert record["user_id"]
    assert record["ip_address"] == "127.0.0.1"
    assert record["application_id"] == wiki["id"]
    assert record["application_domain"] == "wiki.localhost"
    assert record["application_type"] == "self_hosted"
    assert record["connection"] == "okta"
    assert record["identity_provider_id"] == provider
    assert record["approving_policy_id"] == staff["id"]
    assert re.fullmatch(r"[0-9a-f]{16}", record["ray_id"])
    assert record["created_at"]
    assert record["trace"]
    for cookie in visitor.cookies["wiki.localhost"].values():
        assert cookie not in json.dumps(record)


def test_a_refusal_is_found_by_the_code_that_its_page_shows(world: World) -> None:
    """11, 9.3: Allow false, and why."""
    visitor = world.visitor()
    page = visitor.sign_in(visitor.url("payroll.localhost"), world.person("bob"))
    assert page.status == 403
    code = re.search(r"<code>([0-9a-f]{16})</code>", page.text)
    assert code is not None
    found = eventually(lambda: world.log(ray_id=code[1]))
    assert found[0]["allowed"] is False
    assert found[0]["user_email"] == "bob@example.com"
    assert found[0]["reason"]
    explained = world.demo.command("logs", "--why", code[1])
    assert "hwk" in explained


def test_a_refusal_without_identity_is_recorded_as_such(world: World) -> None:
    """11: non-identity records: address, connection, policy trace."""
    visitor = world.visitor()
    visitor.ask(visitor.url("elsewhere.localhost", "/echo/abroad"), **NAVIGATION)
    record = world.logged(host="elsewhere.localhost", path="/echo/abroad")
    assert record["allowed"] is False
    assert record["connection"] == "nonidentity"
    assert record["ip_address"] == "127.0.0.1"
    assert "user_email" not in record


def test_health_and_metrics_are_on_the_monitoring_ports_alone(world: World) -> None:
    """Issue 2, part 9: Prometheus metrics of both planes, /healthz and /readyz."""
    settings = json.loads((world.demo.data / "vestibule.yaml").read_text())["monitoring"]
    ports = (int(settings["port"]), int(settings["control_plane_port"]))
    for port in ports:
        for path in ("/healthz", "/readyz", "/metrics"):
            connection = HTTPConnection("127.0.0.1", port, timeout=10)
            connection.request("GET", path)
            answer = connection.getresponse()
            text = answer.read().decode()
            connection.close()
            assert answer.status == 200, (port, path, text)
            if path == "/metrics":
                assert answer.getheader("content-type", "").startswith("text/plain")
                assert re.search(r"^# TYPE vestibule_\w+ (counter|gauge|histogram)", text, re.M)
    visitor = world.visitor()
    for host in ("wiki.localhost", "team.localhost", "127.0.0.1"):
        for path in ("/healthz", "/readyz", "/metrics"):
            page = visitor.ask(visitor.url(host, path), **NAVIGATION)
            assert page.status in (302, 403, 404), (host, path)
