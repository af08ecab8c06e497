"""The team domain over HTTP: which address answers where, and what every answer carries."""

from __future__ import annotations

import re
import uuid

import pytest
from cryptography import x509

from tests.fakes.front_door import (
    LAUNCHER,
    TEAM,
    WIKI,
    Browser,
    FrontDoor,
    Person,
    configuration,
)

PAGE = "https://wiki.example/"
ACCESS = "/cdn-cgi/access"


@pytest.fixture
def door() -> FrontDoor:
    return FrontDoor(configuration(WIKI, LAUNCHER))


@pytest.fixture
def browser(door: FrontDoor) -> Browser:
    entered = door.browser()
    entered.sign_in(PAGE)
    return entered


@pytest.mark.parametrize("host", [TEAM, "wiki.example"])
def test_get_identity_tells_who_is_signed_in(browser: Browser, host: str) -> None:
    document = browser.get(f"https://{host}{ACCESS}/get-identity").json()
    assert document["email"] == "ada@example.com"
    assert document["idp"] == {"id": "okta-1", "type": "okta"}
    assert document["groups"] == [{"id": "engineering", "name": "engineering"}]
    assert document["amr"] == ["pwd", "otp"]
    assert document["geo"] == {"country": "PT"}
    assert "CF_Authorization" not in str(document)


@pytest.mark.parametrize("host", [TEAM, "wiki.example"])
@pytest.mark.parametrize("cookie", ["", "x", "a.b.c", "eyJ.eyJ.x"])
def test_f1_get_identity_of_nobody_is_401(door: FrontDoor, host: str, cookie: str) -> None:
    browser = door.browser()
    if cookie:
        browser.set_cookie(host, "CF_Authorization", cookie)
    answer = browser.get(f"https://{host}{ACCESS}/get-identity")
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/json"


def test_s3_a_token_is_of_no_use_where_it_does_not_belong(
    browser: Browser, door: FrontDoor
) -> None:
    swapped, name = door.browser(), "CF_Authorization"
    swapped.set_cookie(TEAM, name, browser.cookie("wiki.example", name))
    swapped.set_cookie("wiki.example", name, browser.cookie(TEAM, name))
    assert swapped.get(f"https://{TEAM}{ACCESS}/get-identity").status_code == 401
    assert swapped.get(f"https://wiki.example{ACCESS}/get-identity").status_code == 401
    assert swapped.get(PAGE).status_code == 302


def test_refresh_identity_asks_the_provider_anew(door: FrontDoor, browser: Browser) -> None:
    door.provider.person = Person(groups=("engineering", "admins"))
    at_provider = browser.get(f"https://{TEAM}{ACCESS}/refresh-identity")
    assert door.provider.begun[-1].prompt == "login"
    done = browser.follow(browser.answer(at_provider))
    assert done.status_code == 200
    assert browser.hops[-1] == f"https://{TEAM}{ACCESS}/refresh-identity?success=true"
    names = [
        g["name"] for g in browser.get(f"https://{TEAM}{ACCESS}/get-identity").json()["groups"]
    ]
    assert names == ["engineering", "admins"]
    # What was issued by the old identity counts no more; the next visit renews it silently.
    assert browser.get(PAGE).status_code == 302
    assert browser.follow(PAGE).status_code == 200


def test_refresh_identity_of_somebody_else_changes_nothing(
    door: FrontDoor, browser: Browser
) -> None:
    door.provider.person = Person("eve@example.com")
    at_provider = browser.get(f"https://{TEAM}{ACCESS}/refresh-identity")
    assert browser.get(browser.answer(at_provider)).status_code == 403
    who = browser.get(f"https://{TEAM}{ACCESS}/get-identity").json()["email"]
    assert who == "ada@example.com"


def test_refresh_identity_of_nobody_is_401(door: FrontDoor) -> None:
    assert door.browser().get(f"https://{TEAM}{ACCESS}/refresh-identity").status_code == 401


def test_the_keys_are_published(door: FrontDoor) -> None:
    answer = door.browser().get(f"https://{TEAM}{ACCESS}/certs").json()
    assert {"keys", "public_cert", "public_certs"} <= set(answer)
    pem = door.browser().get(f"https://{TEAM}{ACCESS}/public-cert").text
    assert x509.load_pem_x509_certificate(pem.encode())


def test_programs_find_out_where_to_get_in(door: FrontDoor) -> None:
    where = "/.well-known/cloudflare-access-protected-resource"
    for path in ("", "/a/b"):
        told = door.browser().get(f"https://wiki.example{where}{path}").json()
        assert told["resource"] == f"https://wiki.example{path or '/'}"
        assert (told["protected"], told["team_domain"]) == (True, TEAM)


TEAM_ONLY = ["login/wiki.example", "callback", "refresh-identity", "public-cert", "transfer/x"]


@pytest.mark.parametrize("path", [*TEAM_ONLY, "purpose/x", "approval/x", "waiting/x", "nonsense"])
def test_what_belongs_to_the_team_domain_is_not_on_an_applications_host(
    browser: Browser, path: str
) -> None:
    assert browser.get(f"https://wiki.example{ACCESS}/{path}").status_code == 404


@pytest.mark.parametrize(
    "path", ["/cdn-cgi/", "/cdn-cgi/x", f"{ACCESS}/", f"{ACCESS}/login/", "/x", "//", "/a%2f"]
)
@pytest.mark.parametrize("host", [TEAM, "wiki.example"])
def test_unknown_addresses_are_404(door: FrontDoor, host: str, path: str) -> None:
    if host == "wiki.example" and not path.startswith("/cdn-cgi/"):
        path = f"/cdn-cgi{path}"  # anything else is the application's own
    assert door.browser().get(f"https://{host}{path}").status_code == 404


PAGES = [
    f"https://{TEAM}/",
    f"https://{TEAM}{ACCESS}/callback",
    f"https://{TEAM}{ACCESS}/certs",
    f"https://{TEAM}{ACCESS}/get-identity",
    f"https://{TEAM}{ACCESS}/logout",
    f"https://{TEAM}{ACCESS}/login/wiki.example?kid={WIKI.aud}",
    f"https://{TEAM}{ACCESS}/nowhere",
    f"https://wiki.example{ACCESS}/authorized",
    f"https://wiki.example{ACCESS}/get-identity",
    f"https://wiki.example{ACCESS}/logout",
    f"https://wiki.example{ACCESS}/nowhere",
]


@pytest.mark.parametrize("url", PAGES)
def test_every_answer_is_kept_by_nobody_and_framed_by_nobody(door: FrontDoor, url: str) -> None:
    headers = door.browser().get(url).headers
    assert "no-store" in headers["cache-control"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    policy = headers["content-security-policy"]
    assert "frame-ancestors 'none'" in policy
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize("url", [url for url in PAGES if "callback" not in url])
def test_head_is_answered_like_get(door: FrontDoor, url: str) -> None:
    one, other = door.browser().get(url), door.browser().send("HEAD", url)
    assert one.status_code == other.status_code
    for name in ("location", "cf-access-domain", "cf-access-aud", "content-type"):
        if "location" in name and "logout" not in url and name in one.headers:
            continue
        assert one.headers.get(name) == other.headers.get(name)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
@pytest.mark.parametrize("path", ["login/wiki.example", "callback", "certs", "get-identity"])
def test_f5_other_methods_do_nothing(door: FrontDoor, method: str, path: str) -> None:
    assert door.browser().send(method, f"https://{TEAM}{ACCESS}/{path}").status_code == 405


def test_an_unmatched_host_and_a_missing_origin_have_their_pages(door: FrontDoor) -> None:
    browser = door.browser()
    for path, headers, status, word in [
        ("/-/unmatched", {}, 403, "nowhere.example"),
        ("/-/no-origin", {"x-vestibule-application": "wiki"}, 503, "Wiki"),
    ]:
        for method in ("GET", "POST", "PUT", "OPTIONS"):
            sent = {
                "host": "nowhere.example",
                "x-vestibule-client-ip": browser.ip,
                "x-vestibule-scheme": "https",
                "x-vestibule-mode": "gateway",
                "x-request-id": str(uuid.uuid4()),
                **headers,
            }
            answer = door.web.request(method, f"https://inside{path}", headers=sent)
            assert (answer.status_code, word in answer.text) == (status, True), (path, method)


def test_a_database_that_is_gone_lets_nobody_in_and_says_so(
    door: FrontDoor, browser: Browser
) -> None:
    door.store.fail()
    for url in PAGES:
        answer = browser.get(url)
        assert answer.status_code in (404, 503), url
        if answer.status_code == 503:
            assert "Something went wrong here" in answer.text


def test_h_a_request_that_did_not_come_through_the_data_plane_is_refused(door: FrontDoor) -> None:
    answer = door.web.get(f"https://{TEAM}{ACCESS}/certs", headers={"host": TEAM})
    assert answer.status_code == 400


@pytest.mark.parametrize(
    "query",
    ["?" + "a=b&" * 60, "?state=" + "x" * 20000, "?state=%ff%fe", "?state=%00", "?;;;", "?=&=&="],
)
def test_d_odd_and_endless_queries_are_answered(door: FrontDoor, query: str) -> None:
    assert door.browser().get(f"https://{TEAM}{ACCESS}/callback{query}").status_code == 400


def test_d_an_endless_form_is_refused(door: FrontDoor, browser: Browser) -> None:
    url = f"https://{TEAM}{ACCESS}/logout"
    assert browser.send("POST", url, form={"token": "x" * 20000}).status_code == 413


def test_a_page_speaks_the_visitors_language_and_shows_the_reference(door: FrontDoor) -> None:
    answer = door.browser().get(f"https://{TEAM}{ACCESS}/callback")
    assert "Invalid session. Please try logging in again" in answer.text


def test_static_files_are_served_on_both_hosts(door: FrontDoor) -> None:
    shown = door.browser().get(f"https://{TEAM}{ACCESS}/callback").text
    found = re.search(r'href="(/cdn-cgi/access/static/[^"]+\.css)', shown)
    assert found
    for host in (TEAM, "wiki.example"):
        assert door.browser().get(f"https://{host}{found[1]}").status_code == 200
