"""F2, A2, D: a control plane that does not answer, storms, and secrets at rest."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urljoin

import httpx2
import pytest

from tests.end_to_end.attacking import Target, Visitor, until

pytestmark = pytest.mark.envoy


def test_f2_while_the_control_plane_hangs_nobody_unproven_is_let_in(target: Target) -> None:
    visitor = target.signed_in()
    cookie = f"Cookie: {visitor.cookie(target.host())}"
    token = f"Cookie: CF_Authorization={visitor.jar[target.host()]['CF_Authorization']}"
    assert target.send("/x", cookie).status == 200
    target.origin.take()
    (control_plane,) = target.demo.children("vestibule.cli serve")
    os.kill(control_plane, signal.SIGSTOP)
    try:
        began = time.monotonic()
        with ThreadPoolExecutor(12) as pool:
            asked = [
                pool.submit(target.send, "/x", *headers, wait=30)
                for headers in ([], ["Cookie: CF_Authorization=a.b.c"], [f"{token}; CF_Binding=x"])
                for _ in range(4)
            ]
            assert {one.result().status for one in asked} == {503}
        assert time.monotonic() - began < 20
        assert not target.origin.take()
        assert target.send("/public/x").status == 200
        assert target.send("/x", token).status == 200
    finally:
        os.kill(control_plane, signal.SIGCONT)
    until(lambda: target.send("/x").status == 302, within=30)


def test_d_a_storm_of_strangers_is_answered_and_leaves_nothing_behind(target: Target) -> None:
    before = attempts(target)
    with ThreadPoolExecutor(50) as pool:
        statuses = [one.status for one in pool.map(target.send, ["/storm"] * 200)]
    assert set(statuses) == {302}
    assert attempts(target) == before


def test_d_one_browser_has_few_logins_in_flight(target: Target) -> None:
    visitor = Visitor(target.port)
    at, answer = visitor.follow(f"http://{target.host()}/storm")
    choice = answer.body.decode().partition('href="/cdn-cgi/access/login/')[2].partition('"')[0]
    url = urljoin(at, f"/cdn-cgi/access/login/{choice}".replace("&amp;", "&"))
    cookie = f"Cookie: {visitor.cookie(target.host('team'))}"
    before = attempts(target)
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: visitor.ask(url, cookie), range(60)))
    assert {one.status for one in answers} <= {302, 503}
    assert attempts(target) - before <= 20


def attempts(target: Target) -> int:
    with sqlite3.connect(f"file:{target.demo.data}/vestibule.db?mode=ro", uri=True) as database:
        return database.execute("select count(*) from login_attempts").fetchone()[0]


def test_a2_no_secret_lies_in_the_clear_nor_is_told(target: Target) -> None:
    visitor = target.signed_in("alice@example.com")
    secret, id = target.machine["client_secret"], target.machine["client_id"]
    machine = (f"CF-Access-Client-Id: {id}", f"CF-Access-Client-Secret: {secret}")
    assert target.send("/x?q=1", *machine).status == 200
    assert target.send("/x", machine[0], machine[1] + "x").status == 401
    own = json.loads((target.demo.data / "okta.json").read_text())["demo"]
    jars = [visitor.jar[target.host(name)] for name in ("raw", "team")]
    canaries = {
        "service token": secret,
        "client secret": own["client_secret"],
        "Okta API token": own["api_token"],
        "API token": target.demo.ready["api_token"],
        **{f"cookie {name}": value for jar in jars for name, value in jar.items()},
    }
    canaries = {name: one for name, one in canaries.items() if len(one) > 20}
    assert len(canaries) >= 6
    by_design = {"demo.json", "okta.json"}
    places = {
        str(path): path.read_bytes()
        for path in [*target.demo.data.rglob("*"), target.demo.data.parent / "demo.log"]
        if path.is_file() and path.name not in by_design
    }
    assert any(place.endswith("vestibule.db") for place in places)
    metrics = httpx2.get(f"{target.demo.ready['monitoring_url']}/metrics", trust_env=False)
    places["the metrics"] = metrics.content
    places["the log command"] = target.demo.command("logs", "--json").encode()
    found = [
        (name, place)
        for name, canary in canaries.items()
        for place, octets in places.items()
        if canary.encode() in octets
    ]
    assert not found
