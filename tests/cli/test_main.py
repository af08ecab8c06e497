"""The command line itself: quick to help, to complete, and clear about what it did."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import shellingham

from tests.cli.commands import run
from vestibule.cli.main import COMMANDS

HEAVY = ("sqlalchemy", "starlette", "uvicorn", "httpx2", "vestibule.app", "vestibule.settings")


def test_help_loads_neither_database_nor_web() -> None:
    script = (
        "import sys; sys.argv = ['vestibule', '--help']\n"
        "from vestibule.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        f"heavy = [name for name in {HEAVY!r} if name in sys.modules]\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    for name in COMMANDS:
        assert name in done.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str) -> None:
    done = run(name, "--help")
    assert done.exit_code == 0, done.output
    assert f"vestibule {name}" in done.stdout


@pytest.mark.parametrize("group", ["service-token", "keys"])
def test_a_group_explains_each_of_its_commands(group: str) -> None:
    shown = run(group, "--help").stdout
    inner = [line.split()[0] for line in shown.partition("Commands:")[2].splitlines() if line]
    assert len(inner) > 1
    for name in inner:
        assert run(group, name, "--help").exit_code == 0


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_printed_for(shell: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # The shell is found among our parents; a test may run below any.
    monkeypatch.setattr(shellingham, "detect_shell", lambda: (shell, f"/bin/{shell}"))
    done = run("--show-completion")
    assert done.exit_code == 0, done.output
    assert "_VESTIBULE_COMPLETE" in done.stdout


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        pytest.param("vestibule ser", {"serve", "service-token"}, id="commands"),
        pytest.param("vestibule keys ro", {"rotate"}, id="commands of a group"),
        pytest.param("vestibule backup --js", {"--json"}, id="options"),
    ],
)
def test_completion_completes(words: str, expected: set[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "vestibule.cli"],
        env={
            **os.environ,
            "_VESTIBULE_COMPLETE": "complete_bash",
            # What typer derives from `python -m vestibule.cli`.
            "_PYTHON _M VESTIBULE.CLI_COMPLETE": "complete_bash",
            "COMP_WORDS": words,
            "COMP_CWORD": str(len(words.split()) - 1),
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert expected <= set(done.stdout.split()), done.stderr or done.stdout


def test_a_mistyped_command_is_usage_and_names_the_nearest() -> None:
    done = run("servee")
    assert done.exit_code == 2
    assert "serve" in done.output


def test_a_database_that_does_not_answer_is_unavailable(tmp_path: Path) -> None:
    settings = tmp_path / "vestibule.yaml"
    assert run("init", "--data-dir", str(tmp_path)).exit_code == 0
    settings.write_text(
        f"data_dir: {tmp_path}\ndatabase_url: postgresql://nobody@127.0.0.1:1/nothing\n"
    )
    done = run("export", config=settings)
    assert done.exit_code == 3, done.output
    assert "Traceback" not in done.output


def test_a_wrong_setting_is_usage_and_named(tmp_path: Path) -> None:
    settings = tmp_path / "vestibule.yaml"
    settings.write_text("listen: {port: many}\n")
    done = run("check-config", config=settings)
    assert done.exit_code == 2
    assert "listen.port" in done.output
