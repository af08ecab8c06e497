"""The configuration as one document: applied, exported, applied again; and the whole state."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.cli.commands import Place, initialised, run
from vestibule.app import open_installation
from vestibule.model.access_log import AccessRecord
from vestibule.model.errors import Conflict
from vestibule.settings import read_settings

SECRET = "the-okta-client-secret-nobody-may-see"


def document(**changes: Any) -> dict[str, Any]:
    """A small configuration."""
    return {
        "version": 1,
        "organization": {"name": "Example", "auth_domain": "team.example"},
        "identity_providers": [
            {
                "name": "Okta",
                "type": "okta",
                "config": {"okta_account": "example.okta.com", "client_id": "0oa1"},
                "secrets": {"client_secret": SECRET},
            }
        ],
        "policies": [
            {
                "name": "Staff",
                "decision": "allow",
                "include": [{"email_domain": {"domain": "example.com"}}],
            }
        ],
        "applications": [
            {
                "name": "Wiki",
                "type": "self_hosted",
                "destinations": ["wiki.example"],
                "policies": ["Staff"],
            }
        ],
        "origins": [{"name": "Wiki", "match": "wiki.example", "urls": ["http://127.0.0.1:9"]}],
        **changes,
    }


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A new installation."""
    return initialised(tmp_path / "first")


def test_what_was_exported_applies_again_without_a_change(place: Place) -> None:
    first = place.json("apply", "--yes", "--file", place.write(document()))
    assert first["applied"]
    exported = place.run("export")
    assert SECRET not in exported.stdout
    assert YAML(typ="safe").load(exported.stdout)["applications"][0]["name"] == "Wiki"
    again = place.json("apply", "--yes", "--file", place.write(exported.stdout, "again.yaml"))
    assert again["changes"] == []
    assert not again["applied"]


@pytest.mark.parametrize("more", [(), ("--json",)], ids=["people", "scripts"])
def test_nobody_to_ask_changes_nothing(place: Place, more: tuple[str, ...]) -> None:
    before = place.json("export")
    done = place.run("apply", "--file", place.write(document()), *more)
    assert done.exit_code == 2
    assert "--yes" in done.output
    assert place.json("export") == before


def test_the_difference_is_shown_first_and_tells_no_secret(place: Place) -> None:
    shown = place.run("apply", "--dry-run", "--file", place.write(document()))
    assert shown.exit_code == 0
    assert "create applications: Wiki" in shown.stdout
    assert "+ destinations" in shown.stdout
    assert "secrets.client_secret: ***" in shown.stdout
    assert SECRET not in shown.output
    assert "Not applied" in shown.stdout


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        pytest.param(
            {"applications": [{"name": "x", "kind": "y"}]},
            "applications[0].kind",
            id="unknown field",
        ),
        pytest.param(
            {"organization": {"name": "x", "auth_domain": "Not A Host"}},
            "organization.auth_domain",
            id="value",
        ),
        pytest.param({"version": 7}, "version", id="version"),
    ],
)
def test_check_config_names_the_wrong_field(
    place: Place, changes: dict[str, Any], where: str
) -> None:
    done = place.run("check-config", "--file", place.write(document(**changes)))
    assert done.exit_code == 2
    assert where in done.output
    assert SECRET not in done.output


def test_a_change_meanwhile_is_a_conflict(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def collide(*_: Any) -> None:
        raise Conflict("the configuration was changed meanwhile")

    monkeypatch.setattr("vestibule.cli.configuration.apply_plan", collide)
    assert place.run("apply", "--yes", "--file", place.write(document())).exit_code == 4


def test_a_backup_brings_everything_back_into_a_fresh_directory(
    place: Place, tmp_path: Path
) -> None:
    place.json("apply", "--yes", "--file", place.write(document()))
    kept = tmp_path / "kept.backup"
    assert place.run("backup", str(kept)).exit_code == 0
    assert SECRET.encode() not in kept.read_bytes()
    other = initialised(tmp_path / "second")
    (other.directory / "seal.key").unlink()
    (other.directory / "vestibule.db").unlink()
    (other.directory / "seal.key").write_bytes((place.directory / "seal.key").read_bytes())
    (other.directory / "seal.key").chmod(0o600)
    assert other.run("restore", str(kept)).exit_code == 2  # nobody to ask
    restored = other.run("restore", str(kept), "--yes")
    assert restored.exit_code == 0, restored.output
    assert other.json("export") == place.json("export")


def test_a_service_tokens_secret_is_shown_once(place: Place) -> None:
    made = place.json("service-token", "create", "robot", "--duration", "24h")
    secret = made["client_secret"]
    assert secret.startswith("vst_")
    for command in (("service-token", "list"), ("export",), ("keys", "list")):
        assert secret not in place.run(*command).output
        assert secret not in json.dumps(place.json(*command))
    rotated = place.json("service-token", "rotate", "robot", "--grace", "1h")
    assert rotated["client_secret"] != secret
    assert rotated["previous_client_secret_expires_at"]
    assert place.json("service-token", "disable", "robot")["enabled"] is False
    assert place.json("service-token", "enable", made["id"])["enabled"] is True
    assert place.json("service-token", "refresh", "robot")["expires_at"] > made["expires_at"]
    assert place.run("service-token", "delete", "robot").exit_code == 2
    assert place.run("service-token", "delete", "robot", "--yes").exit_code == 0
    assert place.json("service-token", "list") == []


def test_keys_are_replaced_and_the_old_one_goes_on_verifying(place: Place) -> None:
    (old,) = place.json("keys", "list")
    new = place.json("keys", "rotate")
    states = {key["kid"]: key["retired_at"] for key in place.json("keys", "list")}
    assert states[new["kid"]] is None
    assert states[old["kid"]] is not None
    assert "PRIVATE" not in place.run("keys", "list", "--json").output


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        pytest.param((), 2, id="nothing named"),
        pytest.param(("--user", "a@b.example", "--grant", "x"), 2, id="two named"),
        pytest.param(("--user", "nobody@example.com"), 1, id="unknown person"),
        pytest.param(("--session", "nothing"), 1, id="unknown session"),
        pytest.param(("--grant", "nothing"), 1, id="unknown grant"),
        pytest.param(("--application", "nothing"), 1, id="unknown application"),
    ],
)
def test_revoke_says_what_it_could_not_find(
    place: Place, arguments: tuple[str, ...], code: int
) -> None:
    assert place.run("revoke", *arguments).exit_code == code


def test_revoking_an_application_counts_what_ended(place: Place) -> None:
    place.json("apply", "--yes", "--file", place.write(document()))
    assert place.json("revoke", "--application", "Wiki") == {"sessions": [], "grants": []}
    assert "0 grants" in place.run("revoke", "--application", "Wiki").stdout


def test_a8_a_hostile_user_agent_steers_no_terminal(place: Place) -> None:
    hostile = "\x1b]0;owned\x07\x1b[2J\r\x9b31mred\u202eevil"
    installation = open_installation(read_settings(place.config))
    with installation.store.transaction() as records:
        records.log(
            AccessRecord(
                ray_id="00000000deadbeef",
                created_at=datetime.now(UTC),
                action="login",
                allowed=False,
                reason=f"because {hostile}",
                host=f"wiki.example{hostile}",
                facts={"user_agent": hostile},
            )
        )
    installation.store.close()
    for arguments in (("logs",), ("logs", "--why", "00000000deadbeef"), ("logs", "--json")):
        said = place.run(*arguments).output
        steering = [c for c in said if not c.isprintable() and c != "\n"]
        assert not steering, (arguments, steering)
        assert "deadbeef" in said


def test_an_uninitialised_directory_is_refused_with_what_to_do(tmp_path: Path) -> None:
    settings = tmp_path / "vestibule.yaml"
    settings.write_text(f"data_dir: {tmp_path / 'nothing'}\nlisten: {{host: 127.0.0.1}}\n")
    for command in ("serve", "up", "export"):
        done = run(command, config=settings)
        assert done.exit_code == 1
        assert "vestibule init" in done.output
    assert not (tmp_path / "nothing").exists()


def test_the_gateway_refuses_plain_http_on_a_public_address(place: Place) -> None:
    for command in ("gateway", "up"):  # `init` leaves 0.0.0.0 without a certificate
        done = place.run(command)
        assert done.exit_code == 4
        assert "tls_certificate" in done.output
