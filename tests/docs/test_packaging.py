"""The unit and the container file say what systemd and the product understand."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from vestibule.settings import read_settings

PACKAGING = Path(__file__).resolve().parents[2] / "packaging"


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")
def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    unit = tmp_path / "vestibule.service"
    text = (PACKAGING / "vestibule.service").read_text()
    unit.write_text(text.replace("/opt/vestibule/bin/vestibule", "/bin/true"))
    done = subprocess.run(
        ["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, str(tmp_path) in done.stderr) == (0, False), done.stderr


def test_the_container_runs_as_nobody_special_with_settings_that_are_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text = (PACKAGING / "Containerfile").read_text()
    for name, value in re.findall(r"(VESTIBULE_\w+)=(\S+)", text):
        monkeypatch.setenv(name, value)
    assert str(read_settings().run_dir) == "/run/vestibule"
    assert text.rindex("USER vestibule") > text.rindex("FROM ")
    assert "--require-hashes" in text
