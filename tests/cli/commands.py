"""Run commands of the product in this process: quick, and with everything they say."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

from vestibule.cli.main import app


@dataclass(frozen=True)
class Place:
    """An installation in a directory of its own."""

    directory: Path

    @property
    def config(self) -> Path:
        """Its settings file."""
        return self.directory / "vestibule.yaml"

    def run(self, *arguments: str) -> Result:
        """Run a command on it."""
        return run(*arguments, config=self.config)

    def json(self, *arguments: str) -> Any:
        """What a command that succeeds answers in JSON."""
        done = self.run(*arguments, "--json")
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)

    def write(self, document: Any, name: str = "document.yaml") -> str:
        """Write a document (JSON is YAML) and say where."""
        file = self.directory / name
        file.write_text(document if isinstance(document, str) else json.dumps(document))
        return str(file)


def run(*arguments: str, config: Path | None = None) -> Result:
    """Run one command, without a terminal."""
    env = {"VESTIBULE_CONFIG": str(config) if config else None}
    return CliRunner().invoke(app, arguments, env=env, prog_name="vestibule")


def initialised(directory: Path) -> Place:
    """A new installation."""
    done = run("init", "--data-dir", str(directory))
    assert done.exit_code == 0, done.output
    return Place(directory)
