"""The configuration document: idempotent, strict, whole or not at all, silent about secrets."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.fakes.store import MemoryStore
from vestibule.cli.demo_documents import configuration_document
from vestibule.flows.configure import Plan, apply_plan, plan_changes
from vestibule.flows.document.read import Reading, read_document, write_document
from vestibule.model.configuration import Configuration
from vestibule.model.errors import Conflict, InvalidConfiguration
from vestibule.model.organization import Organization
from vestibule.model.values import Json, Secret

CANARY = "canary-7f3a9b"


class Numbers:
    """Predictable entropy: each value is another, none is random."""

    def __init__(self) -> None:
        self.count = 0

    def token(self, octets: int = 32) -> str:
        self.count += 1
        return f"{self.count:0{octets}d}"

    def hexadecimal(self, octets: int = 32) -> str:
        self.count += 1
        return f"{self.count:0{octets * 2}x}"

    def uuid(self) -> str:
        self.count += 1
        return f"00000000-0000-4000-8000-{self.count:012d}"


class Noon:
    def now(self) -> datetime:
        return datetime(2026, 1, 1, 12, tzinfo=UTC)


def canary(_: Json, __: str) -> Secret:
    return Secret(CANARY)


def demo_document() -> dict[str, Any]:
    ports = {"wiki": 3001, "echo": 3002, "payroll": 3003}
    return configuration_document("https://example.okta.com", "team.example.com", ports)


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore(Configuration(1, Organization("a" * 32, "Example", "team.example.com")))


@pytest.fixture
def numbers() -> Numbers:
    return Numbers()


def read(document: Json, store: MemoryStore, numbers: Numbers) -> Reading:
    return read_document(
        document, store.configuration(), read_secret=canary, entropy=numbers, clock=Noon()
    )


def plan(document: Json, store: MemoryStore, numbers: Numbers) -> Plan:
    return plan_changes(store.configuration(), read(document, store, numbers).configuration)


def test_applying_a_document_twice_changes_nothing_the_second_time(
    store: MemoryStore, numbers: Numbers
) -> None:
    apply_plan(plan(demo_document(), store, numbers), store)
    assert plan(demo_document(), store, numbers).empty


def test_an_export_applied_again_changes_nothing(store: MemoryStore, numbers: Numbers) -> None:
    apply_plan(plan(demo_document(), store, numbers), store)
    exported = json.loads(json.dumps(write_document(store.configuration())))
    assert plan(exported, store, numbers).empty


def test_an_export_builds_the_same_configuration_elsewhere(
    store: MemoryStore, numbers: Numbers
) -> None:
    apply_plan(plan(demo_document(), store, numbers), store)
    exported = write_document(store.configuration())
    elsewhere = MemoryStore(Configuration(1, Organization("b" * 32, "", "team.example.com")))
    for provider in exported["identity_providers"]:
        provider["secrets"] = {"client_secret": "s", "api_token": "t"}
    apply_plan(plan(exported, elsewhere, numbers), elsewhere)
    again = write_document(elsewhere.configuration())
    for provider in exported["identity_providers"]:
        del provider["secrets"]
    assert again == exported


def test_secrets_are_in_no_export_and_in_no_difference(
    store: MemoryStore, numbers: Numbers
) -> None:
    planned = plan(demo_document(), store, numbers)
    assert CANARY not in repr(planned.changes)
    apply_plan(planned, store)
    assert CANARY not in json.dumps(write_document(store.configuration()))
    assert CANARY not in repr(store.configuration())


def test_a_secret_that_is_not_written_is_kept(store: MemoryStore, numbers: Numbers) -> None:
    apply_plan(plan(demo_document(), store, numbers), store)
    document = demo_document()
    del document["identity_providers"][0]["secrets"]
    document["identity_providers"][0]["config"]["claims"] = ["department"]
    apply_plan(plan(document, store, numbers), store)
    (provider,) = store.configuration().identity_providers.values()
    assert provider.secrets["client_secret"].reveal() == CANARY


def test_a_new_service_token_is_told_once_and_kept_as_a_hash(
    store: MemoryStore, numbers: Numbers
) -> None:
    reading = read({"service_tokens": [{"name": "ci"}]}, store, numbers)
    client_id, secret = reading.minted["ci"]
    apply_plan(plan_changes(store.configuration(), reading.configuration), store)
    (token,) = store.configuration().service_tokens.values()
    assert token.client_id == client_id
    assert secret.reveal() not in repr(token)
    assert read({"service_tokens": [{"name": "ci"}]}, store, numbers).minted == {}


def test_what_a_section_no_longer_has_is_deleted_and_absent_sections_stay(
    store: MemoryStore, numbers: Numbers
) -> None:
    apply_plan(plan(demo_document(), store, numbers), store)
    document = {"origins": demo_document()["origins"][:1]}
    planned = plan(document, store, numbers)
    assert {(one.verb, one.section) for one in planned.changes} == {("delete", "origins")}
    apply_plan(planned, store)
    assert len(store.configuration().origins) == 1
    assert len(store.configuration().applications) == len(demo_document()["applications"])


def test_a_plan_is_not_applied_over_somebody_elses_change(
    store: MemoryStore, numbers: Numbers
) -> None:
    mine = plan(demo_document(), store, numbers)
    apply_plan(plan({"lists": [{"name": "n", "kind": "IP", "items": []}]}, store, numbers), store)
    with pytest.raises(Conflict):
        apply_plan(mine, store)
    assert store.configuration().applications == {}


def changed(path: str, value: Json) -> dict[str, Any]:
    """The demo's document with one thing set: `applications.0.name`."""
    document = copy.deepcopy(demo_document())
    *parents, last = path.split(".")
    place: Any = document
    for step in parents:
        place = place[int(step)] if step.isdigit() else place[step]
    place[int(last) if last.isdigit() else last] = value
    return document


WRONG = [
    pytest.param("applications.0.sesion_duration", "24h", "sesion_duration", id="unknown field"),
    pytest.param("aplications", [], "aplications", id="unknown section"),
    pytest.param("version", 2, "version", id="another version"),
    pytest.param("applications.0.name", "", "applications[0]", id="no name"),
    pytest.param("applications.1.name", "Wiki", "Wiki", id="one name for two"),
    pytest.param("applications.0.policies", ["Stuff"], "Stuff", id="a policy that is not there"),
    pytest.param("applications.0.session_duration", "1 day", "24h", id="not a duration"),
    pytest.param("applications.0.session_duration", "800h", "730", id="longer than a month"),
    pytest.param("applications.0.destinations", [], "destinations", id="protects nothing"),
    pytest.param("applications.0.destinations", ["x.test/a?b=c"], "destinations", id="query"),
    pytest.param("applications.0.destinations", ["echo.localhost"], "Echo", id="taken"),
    pytest.param("applications.0.destinations", ["*.example.com"], "team domain", id="team domain"),
    pytest.param("applications.0.auto_redirect_to_identity", True, "allowed_idps", id="no one IdP"),
    pytest.param("applications.0.logo_url", "http://x/l.png", "https", id="plain http logo"),
    pytest.param("applications.0.logo_url", "javascript:alert(1)", "https", id="script logo"),
    pytest.param("applications.0.custom_deny_url", "https://a@b/", "https", id="userinfo"),
    pytest.param(
        "applications.0.cors",
        {"allow_all_origins": True, "allow_credentials": True},
        "allow_credentials",
        id="credentials for everybody",
    ),
    pytest.param(
        "applications.0.read_service_tokens_from_header", "Cf-Access-Token", "header", id="ours"
    ),
    pytest.param("applications.0.same_site", "maybe", "lax", id="not a SameSite"),
    pytest.param("applications.0.enabled", "yes", "true or false", id="a word for a truth"),
    pytest.param("policies.0.include", [], "include", id="nobody is included"),
    pytest.param("policies.0.include", [{"emial": {}}], "emial", id="unknown selector"),
    pytest.param(
        "policies.0.include", [{"email": {"email": "a"}, "everyone": {}}], "include", id="two keys"
    ),
    pytest.param(
        "policies.0.include",
        [{"device_posture": {"integration_uid": "1"}}],
        "posture",
        id="posture",
    ),
    pytest.param("policies.0.include", [{"ip": {"ip": "10.0.0.0/33"}}], "ip", id="no such range"),
    pytest.param("policies.0.decision", "permit", "allow", id="unknown decision"),
    pytest.param("policies.0.isolation_required", True, "isolation", id="isolation"),
    pytest.param(
        "policies.4.include", [{"email": {"email": "a@b.c"}}], "bypass", id="who, in a bypass"
    ),
    pytest.param("groups.0.include", [{"group": {"id": "Builders"}}], "Builders", id="a circle"),
    pytest.param("lists.0.items", ["10.0.0.0/40"], "range", id="a bad range in a list"),
    pytest.param("origins.0.urls", [], "urls", id="an origin without address"),
    pytest.param("origins.0.urls", ["ftp://x"], "h2c", id="an origin over ftp"),
    pytest.param("origins.0.urls", ["http://x/path"], "host and port", id="an origin's path"),
    pytest.param("identity_providers.0.type", "octa", "okta", id="unknown provider"),
    pytest.param("organization.auth_domain", "https://team.example.com", "hostname", id="scheme"),
    pytest.param("organization.session_duration", "1m", "15", id="too short a session"),
]


@pytest.mark.parametrize(("path", "value", "told"), WRONG)
def test_what_is_wrong_is_refused_whole_and_told_with_its_place(
    store: MemoryStore, numbers: Numbers, path: str, value: Json, told: str
) -> None:
    with pytest.raises(InvalidConfiguration) as refused:
        plan(changed(path, value), store, numbers)
    assert told in str(refused.value)
    assert store.configuration().applications == {}
