"""Logs without secrets, metrics without people."""

from __future__ import annotations

import io
import json
import logging

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from vestibule.telemetry.logs import configure_logs
from vestibule.telemetry.metrics import Metrics
from vestibule.telemetry.redaction import REDACTED, redact, redact_text

JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl"


@pytest.fixture
def stream():
    root = logging.getLogger()
    before = root.handlers[:], root.level
    to = io.StringIO()
    configure_logs(level="debug", format="json", process="serve", to=to)
    yield to
    root.handlers[:], level = before[0], before[1]
    root.setLevel(level)
    structlog.reset_defaults()


def test_a_line_is_one_json_event(stream: io.StringIO) -> None:
    structlog.get_logger("vestibule.test").info("made a key", kid="abc", forged="a\nb")
    logging.getLogger("library").warning("slow %s", "query")
    first, second = (json.loads(line) for line in stream.getvalue().splitlines())
    assert (first["event"], first["kid"], first["process"]) == ("made a key", "abc", "serve")
    assert (second["event"], second["level"]) == ("slow query", "warning")


def test_A2_no_secret_reaches_the_log_whoever_writes_it(stream: io.StringIO) -> None:
    secret = "vst_" + "a" * 48
    structlog.get_logger().info(
        "asked", headers={"Cookie": "x=1", "accept": "y"}, client_secret="hush", note=f"got {JWT}"
    )
    logging.getLogger("httpx").error("failed with Bearer abcdefghijkl and %s", secret)
    try:
        raise ValueError(f"bad token {JWT}")
    except ValueError:
        logging.getLogger("x").exception("broken")
    written = stream.getvalue()
    for hidden in ("x=1", "hush", JWT, secret, "abcdefghijkl"):
        assert hidden not in written
    assert '"accept": "y"' in written


@pytest.mark.parametrize(
    "text",
    [JWT, "Basic dXNlcjpwYXNz", "postgresql://ada:hush@db/x", "vst_abcdefgh12345678"],
)
def test_what_looks_like_a_secret_is_blotted_out(text: str) -> None:
    assert REDACTED in redact_text(f"before {text} after")


@given(st.recursive(st.text(), lambda inner: st.dictionaries(st.text(), inner), max_leaves=20))
def test_anything_can_be_redacted(value: object) -> None:
    assert redact(None, "info", {"value": value}).keys() == {"value"}


def test_metrics_count_decisions_and_name_nobody() -> None:
    metrics = Metrics()
    metrics.decided("Admitted", 0.002)
    metrics.decided("SentToLogin", 0.0001)
    metrics.signed_in("okta", "allowed")
    metrics.lost_records(2)
    metrics.uses_configuration(7)
    content_type, body = metrics.exposition()
    text = body.decode()
    assert content_type.startswith("text/plain")
    assert 'vestibule_decisions_total{outcome="Admitted"} 1.0' in text
    assert "vestibule_decision_seconds_count 2.0" in text
    assert "vestibule_access_records_lost_total 2.0" in text
    assert "vestibule_configuration_revision 7.0" in text
