"""The questions that Traefik 3 sends: `X-Forwarded-*` of its own, beside the visitor's headers."""

from __future__ import annotations

import http.client

import pytest
from ruamel.yaml import YAML

from tests.forward_auth.conftest import SECRET
from tests.forward_auth.pages import blocks
from tests.forward_auth.proxies import Place
from tests.forward_auth.raw import Answer

pytestmark = pytest.mark.envoy

CONFIGURATION = YAML(typ="safe").load(
    blocks("forward-auth-traefik")["/etc/traefik/dynamic/vestibule.yaml"]
)["http"]
MIDDLEWARES = CONFIGURATION["middlewares"]


def question(place: Place, host: str, uri: str, **visitor: str) -> Answer:
    """What Vestibule answers when Traefik asks about a visitor's request, as the page has it."""
    put = dict(MIDDLEWARES["vestibule-ask"]["headers"]["customRequestHeaders"])
    cleared = {name.lower() for name in put}
    headers = {
        **{
            name.replace("_", "-"): value
            for name, value in visitor.items()
            if name.replace("_", "-").lower() not in cleared
        },
        **{name: value for name, value in put.items() if value},
        "X-Vestibule-Secret": place.secret,
        "X-Forwarded-Method": "GET",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": host,
        "X-Forwarded-Port": "443",
        "X-Forwarded-Uri": uri,
        "X-Forwarded-For": "198.51.100.7",
    }
    path = MIDDLEWARES["vestibule-question"]["forwardAuth"]["address"].partition(":9180")[2]
    connection = http.client.HTTPConnection("127.0.0.1", place.vestibule, timeout=15)
    try:
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        return Answer(response.status, tuple(response.getheaders()), response.read())
    finally:
        connection.close()


def test_a_stranger_is_sent_to_the_login_and_back_to_traefiks_port(place: Place) -> None:
    answer = question(place, "wiki.localhost", "/a?b=c", Accept="text/html")
    assert answer.status == 302
    assert "/cdn-cgi/access/login/wiki.localhost" in answer.header("location")
    assert any(one.startswith("CF_AppSession=") for one in answer.all("set-cookie"))


def test_what_is_public_passes_and_names_nobody(place: Place) -> None:
    forged = {"Cf-Access-Authenticated-User-Email": "evil@example.com"}
    answer = question(place, "echo.localhost", "/public", **forged)
    assert answer.status == 200
    named = MIDDLEWARES["vestibule-question"]["forwardAuth"]["authResponseHeaders"]
    assert {name: answer.header(name.lower()) for name in named} == dict.fromkeys(named, "")


@pytest.mark.parametrize("uri", ["/public/../private", "//private", "/public/%2e%2e/private"])
def test_p1_paths_that_servers_read_differently_are_refused(place: Place, uri: str) -> None:
    assert question(place, "echo.localhost", uri).status in (400, 403)


def test_h2_the_secret_of_the_page_is_a_sample(place: Place) -> None:
    sample = MIDDLEWARES["vestibule-ask"]["headers"]["customRequestHeaders"]["X-Vestibule-Secret"]
    assert sample != SECRET
    stranger = Place(place.vestibule, sample, place.origin)
    assert question(stranger, "echo.localhost", "/public").status == 403
    forgotten = MIDDLEWARES["vestibule-forget"]["headers"]["customRequestHeaders"]
    assert forgotten["X-Vestibule-Secret"] == ""


def test_our_own_paths_go_to_vestibule_unasked() -> None:
    router = CONFIGURATION["routers"]["wiki-vestibule"]
    assert "PathPrefix(`/cdn-cgi/`)" in router["rule"]
    assert router["priority"] > len(CONFIGURATION["routers"]["wiki"]["rule"])
    assert router["service"] == "vestibule"
    assert "vestibule-question" not in router["middlewares"]
