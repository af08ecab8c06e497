"""Documents give back what they were given, and refuse what this version does not know."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fakes.samples import sample
from vestibule.model.access_log import AccessRecord
from vestibule.model.application import Application, Origin
from vestibule.model.errors import InvalidConfiguration
from vestibule.model.identity import IdentityProvider, User
from vestibule.model.machine import ForwardAuthClient, MtlsCertificate, ServiceToken, SigningKey
from vestibule.model.organization import Organization
from vestibule.model.rules import Policy, RuleGroup, ValueList
from vestibule.model.session import ApprovalRequest, GlobalSession, Grant, Handover, LoginAttempt
from vestibule.model.state import ApiToken, GatewayStatus
from vestibule.model.values import Secret
from vestibule.store import documents

KEPT: list[type[Any]] = [
    AccessRecord,
    ApiToken,
    Application,
    ApprovalRequest,
    ForwardAuthClient,
    GatewayStatus,
    GlobalSession,
    Grant,
    Handover,
    IdentityProvider,
    LoginAttempt,
    MtlsCertificate,
    Organization,
    Origin,
    Policy,
    RuleGroup,
    ServiceToken,
    SigningKey,
    User,
    ValueList,
]


class PlainBox:
    """Marks secrets instead of sealing them."""

    def close(self, path: str, secret: str) -> str:
        return f"{path}={secret}"

    def open(self, path: str, sealed: str) -> str:
        assert sealed.startswith(f"{path}=")
        return sealed.removeprefix(f"{path}=")


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
_PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    Any: JSON,
    str: st.text(),
    int: st.integers(),
    float: st.floats(allow_nan=False, allow_infinity=False),
    bool: st.booleans(),
    datetime: st.datetimes(timezones=st.just(UTC)),
    timedelta: st.integers(-(10**15), 10**15).map(lambda n: timedelta(microseconds=n)),
    Secret: st.builds(Secret, st.text()),
}


def _any_value(kind: Any) -> st.SearchStrategy[Any]:
    """Every field filled at random, those with defaults too."""
    origin, arguments = get_origin(kind), get_args(kind)
    if kind in _PLAIN:
        return _PLAIN[kind]
    if origin in (Union, UnionType):
        return st.none() | _any_value(arguments[0])
    if origin is tuple:
        return st.lists(_any_value(arguments[0]), max_size=3).map(tuple)
    if origin is Mapping:
        return st.dictionaries(st.text(), _any_value(arguments[1]), max_size=3)
    if issubclass(kind, StrEnum):
        return st.sampled_from(kind)
    hints = get_type_hints(kind)
    return st.builds(kind, **{f.name: _any_value(hints[f.name]) for f in fields(kind)})


@pytest.mark.parametrize("kind", KEPT, ids=lambda kind: kind.__name__)
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_whatever_was_written_is_read_again(kind: type[Any], data: st.DataObject) -> None:
    value = data.draw(_any_value(kind))
    assert documents.load(kind, documents.dump(value, PlainBox()), PlainBox()) == value


@pytest.mark.parametrize("kind", KEPT, ids=lambda kind: kind.__name__)
def test_a_value_with_every_field_set_is_read_again(kind: type[Any]) -> None:
    value = sample(kind)
    assert documents.load(kind, documents.dump(value, PlainBox()), PlainBox()) == value


def test_a_document_without_a_newer_field_reads_as_its_default() -> None:
    document = json.loads(documents.dump(sample(Origin)))
    del document["http2"]
    assert documents.load(Origin, json.dumps(document)).http2 is False


@pytest.mark.parametrize(
    ("change", "path"),
    [
        pytest.param({"decision": "quarantine"}, "decision", id="F6-unknown-word"),
        pytest.param({"geo_fence": True}, "geo_fence", id="F6-unknown-field"),
        pytest.param({"include": [{"selector": 1, "body": {}}]}, "include[0].selector", id="type"),
        pytest.param({"include": {}}, "include", id="no-list"),
        pytest.param({"include": [7]}, "include[0]", id="no-object"),
        pytest.param({"session_duration": 1.5}, "session_duration", id="no-duration"),
        pytest.param({"session_duration": True}, "session_duration", id="true-is-no-number"),
        pytest.param({"approval_required": 1}, "approval_required", id="1-is-not-true"),
        pytest.param({"name": None}, "name", id="null"),
        pytest.param({"id": ...}, "id", id="missing"),
    ],
)
def test_what_this_version_does_not_know_refuses_the_whole(
    change: dict[str, Any], path: str
) -> None:
    """F6: a newer version may have meant a restriction."""
    document = {**json.loads(documents.dump(sample(Policy))), **change}
    kept = {name: value for name, value in document.items() if value is not ...}
    with pytest.raises(InvalidConfiguration) as refused:
        documents.load(Policy, json.dumps(kept))
    assert refused.value.path == path


def test_an_error_does_not_repeat_what_it_found() -> None:
    with pytest.raises(InvalidConfiguration) as refused:
        documents.load(ForwardAuthClient, '{"id":"a","name":"b","secret":["hunter2"]}', PlainBox())
    assert "hunter2" not in str(refused.value)


def test_a_secret_is_never_written_unsealed() -> None:
    """A2: forgetting the box is an error, not a leak."""
    with pytest.raises(TypeError, match="unsealed"):
        documents.dump(sample(SigningKey))


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        documents.dump(sample(User, created_at=datetime(2026, 1, 1)))  # noqa: DTZ001 - the point
