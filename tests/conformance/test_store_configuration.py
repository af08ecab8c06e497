"""Whatever the store: the configuration comes back as it was put, in the order it was made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.fakes.samples import sample
from vestibule.flows.ports import Store
from vestibule.model.application import Application, Origin
from vestibule.model.configuration import Configuration
from vestibule.model.errors import NotFound
from vestibule.model.identity import IdentityProvider
from vestibule.model.machine import ForwardAuthClient, MtlsCertificate, ServiceToken
from vestibule.model.organization import Organization
from vestibule.model.rules import Policy, RuleGroup, ValueList

KINDS: dict[str, type[Any]] = {
    "identity_providers": IdentityProvider,
    "applications": Application,
    "policies": Policy,
    "groups": RuleGroup,
    "lists": ValueList,
    "origins": Origin,
    "service_tokens": ServiceToken,
    "mtls_certificates": MtlsCertificate,
    "forward_auth_clients": ForwardAuthClient,
}
ORGANIZATION = Organization("org", "Example", "team.example")
NOW = datetime(2026, 11, 22, 19, 0, tzinfo=UTC)


def test_every_kind_is_tried_here() -> None:
    assert {f.name for f in fields(Configuration)} == {*KINDS, "revision", "organization"}


def test_every_field_of_every_kind_comes_back(opener: Callable[[], Store]) -> None:
    organization = sample(Organization)
    resources = {name: [sample(kind), sample(kind)] for name, kind in KINDS.items()}
    with opener().transaction() as records:
        records.put_organization(organization)
        for kind in resources.values():
            for resource in kind:
                records.put(resource)
    found = opener().configuration()
    assert found.organization == organization
    for name, put in resources.items():
        assert list(getattr(found, name).values()) == put


def test_resources_keep_the_order_they_were_created_in(store: Store) -> None:
    policies = [sample(Policy, id=name) for name in ("m", "z", "a")]
    with store.transaction() as records:
        records.put_organization(ORGANIZATION)
        for policy in policies:
            records.put(policy)
    with store.transaction() as records:
        records.put(replace(policies[0], name="Changed"))
        records.put(sample(Policy, id="b"))
    assert list(store.configuration().policies) == ["m", "z", "a", "b"]
    assert store.configuration().policies["m"].name == "Changed"


def test_what_is_deleted_is_gone_and_created_anew_stands_last(store: Store) -> None:
    groups = [sample(RuleGroup, id=name) for name in ("one", "two")]
    with store.transaction() as records:
        records.put_organization(ORGANIZATION)
        for group in groups:
            records.put(group)
    with store.transaction() as records:
        assert records.delete(RuleGroup, "one")
        assert not records.delete(RuleGroup, "one")
        assert not records.delete(Policy, "two")  # another kind's id
    assert list(store.configuration().groups) == ["two"]
    with store.transaction() as records:
        records.put(groups[0])
    assert list(store.configuration().groups) == ["two", "one"]


def test_the_same_id_serves_in_two_kinds(store: Store) -> None:
    group, policy = sample(RuleGroup, id="same"), sample(Policy, id="same")
    with store.transaction() as records:
        records.put_organization(ORGANIZATION)
        records.put(group)
        records.put(policy)
    assert store.configuration().groups["same"] == group
    assert store.configuration().policies["same"] == policy


def test_there_is_one_organization(store: Store) -> None:
    with store.transaction() as records:
        records.put_organization(ORGANIZATION)
        records.put_organization(replace(ORGANIZATION, id="another"))
    assert store.configuration().organization.id == "another"


def test_without_an_organization_there_is_no_configuration(store: Store) -> None:
    with store.transaction() as records:
        records.put(sample(Policy))
    with pytest.raises(NotFound, match="vestibule init"):
        store.configuration()


def test_the_configuration_is_read_anew_only_when_it_changed(opener: Callable[[], Store]) -> None:
    store, other = opener(), opener()
    with other.transaction() as records:
        records.put_organization(ORGANIZATION)
    first = store.configuration()
    assert first.revision == store.revisions().configuration
    with other.transaction() as records:
        records.use_once("kind", "something else changes", NOW)
    assert store.configuration() is first
    with other.transaction() as records:
        records.put_organization(replace(ORGANIZATION, name="Changed"))
    assert store.configuration().organization.name == "Changed"
    assert store.configuration().revision == first.revision + 1


def test_the_use_of_a_service_token_is_no_change_of_the_configuration(store: Store) -> None:
    token = sample(ServiceToken, last_seen_at=None)
    with store.transaction() as records:
        records.put_organization(ORGANIZATION)
        records.put(token)
        records.put(sample(ServiceToken, id="unused", last_seen_at=None))
    before = store.revisions()
    with store.transaction() as records:
        records.saw_service_token(token.id, NOW)
        records.saw_service_token(token.id, NOW - timedelta(hours=1))
        records.saw_service_token("deleted-meanwhile", NOW)
    assert store.revisions() == before
    with store.reading() as records:
        tokens = records.configuration().service_tokens
    assert tokens[token.id].last_seen_at == NOW
    assert tokens["unused"].last_seen_at is None


def test_a_service_token_put_back_as_it_was_read_keeps_its_latest_use(store: Store) -> None:
    token = sample(ServiceToken, last_seen_at=None)
    with store.transaction() as records:
        records.put_organization(ORGANIZATION)
        records.put(token)
        records.saw_service_token(token.id, NOW)
        records.put(replace(records.configuration().service_tokens[token.id], name="Renamed"))
        records.put(replace(token, name="Again"))
    with store.reading() as records:
        found = records.configuration().service_tokens[token.id]
    assert (found.name, found.last_seen_at) == ("Again", NOW)
