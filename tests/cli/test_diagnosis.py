"""Each check of `doctor`, on an installation that ails in one way."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.cli.commands import initialised
from tests.fakes.network import FakeNetwork, json_response
from tests.fakes.store import MemoryStore
from vestibule.cli.diagnosis import Finding, Patient, Verdict, checks, examine
from vestibule.cli.diagnosis.certificate import certificates
from vestibule.cli.diagnosis.clock import clock
from vestibule.cli.diagnosis.configuration import applications, approvals, countries, forward_auth
from vestibule.cli.diagnosis.gateway import judge as judge_gateway
from vestibule.cli.diagnosis.names import names
from vestibule.cli.diagnosis.place import data_directory, database, files, sealing_key
from vestibule.cli.diagnosis.ports import listeners, monitoring
from vestibule.cli.diagnosis.providers import callbacks, judge_answer, providers
from vestibule.model.application import Application, ApplicationType, Origin
from vestibule.model.configuration import Configuration
from vestibule.model.identity import IdentityProvider
from vestibule.model.machine import ForwardAuthClient
from vestibule.model.organization import Organization
from vestibule.model.rules import Decision, Policy, Rule
from vestibule.model.state import GatewayStatus
from vestibule.model.values import Secret
from vestibule.protocols.exchange import OutboundError, Response
from vestibule.settings import Settings, read_settings

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
OKTA = "https://example.okta.com"
CALLBACK = "https://team.example/cdn-cgi/access/callback"


def patient(settings: Settings | None = None, **senses: Any) -> Patient:
    senses.setdefault("resolve", lambda name: ("192.0.2.1",))
    senses.setdefault("connect", lambda host, port: None)
    return Patient(settings or read_settings(), lambda: NOW, **senses)


def configuration(**kinds: Any) -> Configuration:
    by_id = {kind: {one.id: one for one in some} for kind, some in kinds.items()}
    return Configuration(1, Organization("o", "Example", "team.example"), **by_id)


def wiki(**changes: Any) -> Application:
    given = {"destinations": ("wiki.example",), "policy_ids": ("p",), **changes}
    return Application("a", "aud", "Wiki", ApplicationType.SELF_HOSTED, **given)


def policy(selector: str = "everyone", **changes: Any) -> Policy:
    return Policy("p", "Staff", Decision.ALLOW, (Rule(selector, {}),), **changes)


def okta() -> IdentityProvider:
    config = {"okta_account": OKTA, "client_id": "0oa1"}
    return IdentityProvider("i", "Okta", "okta", config, {"client_secret": Secret("x")})


def worst(found: Iterable[Finding]) -> Finding:
    order = [Verdict.OK, Verdict.UNKNOWN, Verdict.WARN, Verdict.BAD]
    return max(found, key=lambda finding: order.index(finding.verdict))


def test_a_check_that_fails_hides_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: Patient) -> Iterable[Finding]:
        raise RuntimeError("a bug")

    monkeypatch.setattr(checks, "CHECKS", (("one", broken), ("two", monitoring)))
    found = dict(examine(patient()))
    assert found["one"].verdict is Verdict.UNKNOWN
    assert found["two"].verdict is Verdict.OK


def test_whatever_is_not_good_says_what_to_do(tmp_path: Path) -> None:
    lost = read_settings(data_dir=tmp_path / "nothing", geoip_database=tmp_path / "nothing.mmdb")
    for check in (files, data_directory, sealing_key, database):
        finding = worst(check(patient(lost)))
        assert finding.verdict is Verdict.BAD
        assert finding.remedy


def test_what_is_open_to_others_is_found(tmp_path: Path) -> None:
    place = initialised(tmp_path / "i")
    settings = read_settings(place.config)
    for check in (data_directory, sealing_key, database):
        assert worst(check(patient(settings))).verdict is Verdict.OK
    place.directory.chmod(0o755)
    (place.directory / "seal.key").chmod(0o644)
    assert worst(data_directory(patient(settings))).verdict is Verdict.WARN
    assert "chmod 600" in worst(sealing_key(patient(settings))).remedy


@pytest.mark.parametrize(
    ("host", "verdict"),
    [
        ("127.0.0.1", Verdict.OK),
        ("10.0.0.7", Verdict.OK),
        ("0.0.0.0", Verdict.BAD),  # noqa: S104 - judged, not bound
        ("::", Verdict.BAD),
        ("8.8.8.8", Verdict.BAD),
        ("metrics.example", Verdict.WARN),
    ],
)
def test_h9_monitoring_belongs_on_a_private_address(host: str, verdict: Verdict) -> None:
    settings = read_settings(monitoring={"host": host})
    assert worst(monitoring(patient(settings))).verdict is verdict


def test_a_port_that_nobody_answers_is_bad() -> None:
    def refuse(_host: str, port: int) -> None:
        if port == 9902:
            raise ConnectionRefusedError(111, "Connection refused")

    found = [f for f in listeners(patient(connect=refuse)) if f.verdict is Verdict.BAD]
    assert len(found) == 1
    assert "vestibule serve" in found[0].remedy


def test_every_host_without_a_wildcard_must_resolve() -> None:
    def resolve(name: str) -> tuple[str, ...]:
        if name == "wiki.example":
            raise OSError(-2, "Name or service not known")
        return ("192.0.2.1",)

    apps = [wiki(destinations=("wiki.example", "*.apps.example"))]
    found = list(names(patient(resolve=resolve), configuration(applications=apps)))
    assert {f.said.split()[0]: f.verdict for f in found} == {
        "team.example": Verdict.OK,
        "wiki.example": Verdict.BAD,
    }


@pytest.mark.parametrize(
    ("covered", "days", "verdict", "said"),
    [
        pytest.param(("team.example", "wiki.example"), 90, Verdict.OK, "", id="good"),
        pytest.param(("*.example",), 90, Verdict.OK, "", id="wildcard"),
        pytest.param(("team.example",), 90, Verdict.BAD, "not for wiki.example", id="a name short"),
        pytest.param(("*.example",), 20, Verdict.WARN, "expires in", id="soon over"),
        pytest.param(("*.example",), -1, Verdict.BAD, "expired", id="over"),
    ],
)
def test_the_certificate_is_judged(
    tmp_path: Path, covered: tuple[str, ...], days: int, verdict: Verdict, said: str
) -> None:
    issued = trustme.CA().issue_cert(*covered, not_after=NOW + timedelta(days=days))
    settings = _tls(tmp_path, issued)
    found = worst(certificates(patient(settings), configuration(applications=[wiki()])))
    assert (found.verdict, said in found.said) == (verdict, True)


def test_a_key_of_another_certificate_is_found(tmp_path: Path) -> None:
    authority = trustme.CA()
    settings = _tls(tmp_path, authority.issue_cert("*.example"))
    other = authority.issue_cert("*.example")
    other.private_key_pem.write_to_path(str(settings.listen.tls_key))
    found = [f.said for f in certificates(patient(settings), configuration())]
    assert any("cannot be used" in said for said in found)


def _tls(directory: Path, issued: trustme.LeafCert) -> Settings:
    certificate, key = directory / "cert.pem", directory / "key.pem"
    issued.cert_chain_pems[0].write_to_path(str(certificate))
    issued.private_key_pem.write_to_path(str(key))
    return read_settings(listen={"tls_certificate": certificate, "tls_key": key})


def _network(**extra: str) -> FakeNetwork:
    answer = json_response({"id": "00o1", "pipeline": "idx"})
    answer = Response(answer.status, {**answer.headers, **extra}, answer.body)
    return FakeNetwork().on("GET", f"{OKTA}/.well-known/okta-organization", answer)


def test_the_engine_that_reports_keys_as_pop_is_named() -> None:
    found = list(providers(patient(network=_network()), configuration(identity_providers=[okta()])))
    assert "Identity Engine" in found[0].said
    assert any("pop" in f.said + f.remedy for f in found if f.verdict is Verdict.WARN)


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        ("outbound_forbidden", "outbound.allow"),
        ("outbound_timeout", "firewall"),
        ("outbound_unreachable", "resolves"),
    ],
)
def test_a_provider_that_cannot_be_reached_is_told_from_a_wrong_one(code: str, remedy: str) -> None:
    class Silent:
        def send(self, _request: object) -> Response:
            raise OutboundError("no answer", code=code)

    found = worst(providers(patient(network=Silent()), configuration(identity_providers=[okta()])))
    assert found.verdict is Verdict.BAD
    assert remedy in found.remedy
    begun = list(callbacks(patient(network=Silent()), configuration(identity_providers=[okta()])))
    assert begun[-1].verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("status", "location", "body", "verdict"),
    [
        pytest.param(302, f"{CALLBACK}?error=login_required", "", Verdict.OK, id="sent back"),
        pytest.param(
            302, "/login?continue=redirect_uri%3Dours", "", Verdict.OK, id="asks for a sign-in"
        ),
        pytest.param(200, "", "<form>redirect_uri=</form>", Verdict.OK, id="sign-in page"),
        pytest.param(
            400,
            "",
            "The 'redirect_uri' parameter must be a Login redirect URI in the client app settings",
            Verdict.BAD,
            id="Okta refuses the callback",
        ),
        pytest.param(200, "", "AADSTS50011: mismatch", Verdict.BAD, id="Entra refuses it"),
        pytest.param(
            302,
            "/signin/oauth/error?authError=x+redirect_uri_mismatch",
            "",
            Verdict.BAD,
            id="Google refuses it",
        ),
        pytest.param(
            400, "", "Invalid value for 'client_id' parameter.", Verdict.BAD, id="unknown client"
        ),
        pytest.param(503, "", "try later", Verdict.UNKNOWN, id="no answer to go by"),
    ],
)
def test_the_callback_is_looked_up_at_the_provider(
    status: int, location: str, body: str, verdict: Verdict
) -> None:
    answer = Response(status, {"location": location} if location else {}, body.encode())
    found = judge_answer("Okta", CALLBACK, f"{OKTA}/oauth2/v1/authorize?x=1", answer)
    assert found.verdict is verdict
    assert bool(found.remedy) is (verdict is not Verdict.OK)


@pytest.mark.parametrize(
    ("ahead", "verdict"), [(0, Verdict.OK), (-30, Verdict.WARN), (300, Verdict.BAD)]
)
def test_the_clock_is_held_against_the_providers(ahead: int, verdict: Verdict) -> None:
    date = format_datetime(NOW - timedelta(seconds=ahead), usegmt=True)
    one = patient(network=_network(date=date))
    list(providers(one, configuration(identity_providers=[okta()])))
    assert worst(clock(one)).verdict is verdict


def test_a_clock_that_was_set_back_is_found() -> None:
    store = MemoryStore()
    with store.transaction() as records:
        records.put_gateway_status(GatewayStatus("g", NOW + timedelta(hours=1), 1, 1))
    assert worst(clock(patient(store=store))).verdict is Verdict.BAD


@pytest.mark.parametrize(
    ("ago", "applied", "error", "verdict"),
    [
        (5, 7, "", Verdict.OK),
        (5, 6, "", Verdict.WARN),
        (5, 6, "no such cluster", Verdict.BAD),
        (600, 7, "", Verdict.BAD),
    ],
    ids=["current", "behind", "refused", "silent"],
)
def test_the_gateways_last_word_is_read(
    ago: int, applied: int, error: str, verdict: Verdict
) -> None:
    status = GatewayStatus("g", NOW - timedelta(seconds=ago), applied, 7, error)
    found = judge_gateway(status, 7, NOW)
    assert found.verdict is verdict
    assert error in found.said


def test_an_application_without_an_origin_is_named() -> None:
    origin = Origin("o", "Wiki", "*.example", ("http://127.0.0.1:9",))
    with_origin = configuration(applications=[wiki()], origins=[origin])
    bare = configuration(applications=[wiki()])
    asked = read_settings(forward_auth={"port": 9999})
    assert worst(applications(patient(), with_origin)).verdict is Verdict.OK
    assert worst(applications(patient(), bare)).verdict is Verdict.WARN
    assert worst(applications(patient(asked), bare)).verdict is Verdict.OK
    nobody = configuration(applications=[wiki(policy_ids=())], origins=[origin])
    assert "admits nobody" in worst(applications(patient(), nobody)).said


def test_what_a_rule_needs_must_be_there(tmp_path: Path) -> None:
    by_country = configuration(policies=[policy("geo")])
    assert worst(countries(patient(), by_country)).verdict is Verdict.BAD
    known = read_settings(geoip_database=tmp_path / "c.mmdb")
    assert worst(countries(patient(known), by_country)).verdict is Verdict.OK
    asking = configuration(policies=[policy(approval_required=True)])
    assert worst(approvals(patient(), asking)).verdict is Verdict.WARN


def test_h2_a_forward_auth_listener_needs_clients() -> None:
    listening = patient(read_settings(forward_auth={"port": 9999}))
    client = ForwardAuthClient("f", "nginx", Secret("x"))
    known = configuration(forward_auth_clients=[client])
    assert worst(forward_auth(listening, configuration())).verdict is Verdict.WARN
    assert worst(forward_auth(listening, known)).verdict is Verdict.OK
    assert worst(forward_auth(patient(), configuration())).verdict is Verdict.OK
