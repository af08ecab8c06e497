"""`check-config`, `apply`, `export`, `schema`: the configuration as one document."""

from __future__ import annotations

import os
import sys
from io import StringIO
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from vestibule.app import Installation, SystemClock, SystemEntropy
from vestibule.cli.diagnosis.place import named_files
from vestibule.cli.exits import Exit
from vestibule.cli.options import (
    ConfigOption,
    JsonOption,
    YesOption,
    installation_from,
    settings_from,
)
from vestibule.cli.output import agreed, err, fail, out, plain, print_json, reporting
from vestibule.flows.configure import Change, Plan, apply_plan, plan_changes
from vestibule.flows.document.fields import object_schema
from vestibule.flows.document.read import Reading, read_document, write_document
from vestibule.flows.document.sections import ORGANIZATION, SECTIONS
from vestibule.model.configuration import Configuration
from vestibule.model.errors import InvalidConfiguration
from vestibule.model.organization import Organization
from vestibule.model.values import Json, Secret
from vestibule.settings import Settings

FileOption = Annotated[
    Path, typer.Option("--file", "-f", help="The document (YAML or JSON); - for standard input.")
]
COLOURS = {"+": "green", "-": "red", "~": "yellow"}


def read_yaml(file: Path) -> Json:
    """The document in `file`; raises `InvalidConfiguration` where there is none."""
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text()
        return YAML(typ="safe").load(text)  # pyright: ignore[reportUnknownMemberType] - ruamel is untyped here
    except OSError as error:
        raise InvalidConfiguration(f"cannot read {file}: {error.strerror}") from error
    except YAMLError as error:
        raise InvalidConfiguration(f"{file} is not YAML: {error}") from error


def read_secret(value: Json, path: str) -> Secret:
    """A literal, `{env: NAME}` or `{file: PATH}`; raises where there is nothing to find."""
    match value:
        case str() if value:
            return Secret(value)
        case {"env": str(name), **rest} if not rest:
            if not os.environ.get(name):
                raise InvalidConfiguration(f"the environment has no {name}", path=path)
            return Secret(os.environ[name])
        case {"file": str(name), **rest} if not rest:
            try:
                return Secret(Path(name).read_text().rstrip("\n"))
            except OSError as error:
                raise InvalidConfiguration(f"cannot read {name}", path=path) from error
        case _:
            raise InvalidConfiguration(
                "expected the secret, {env: NAME} or {file: PATH}, and not empty", path=path
            )


def _read(installation: Installation, document: Json) -> tuple[Reading, Plan]:
    current = installation.store.configuration()
    reading = read_document(
        document,
        current,
        read_secret=read_secret,
        entropy=installation.entropy,
        clock=installation.clock,
    )
    return reading, plan_changes(current, reading.configuration)


def _change_json(change: Change) -> Json:
    return {
        "verb": change.verb,
        "section": change.section,
        "id": change.id,
        "name": change.name,
        "lines": list(change.lines),
    }


def _show(plan: Plan) -> None:
    for warning in plan.warnings:
        err.print(Text("warning: ", style="bold yellow") + plain(warning))
    for change in plan.changes:
        out.print(plain(f"{change.verb} {change.section}: {change.name}"), style="bold")
        for line in change.lines:
            out.print(plain(f"    {line}"), style=COLOURS.get(line[:1], ""))


def apply(
    file: FileOption,
    config: ConfigOption = None,
    yes: YesOption = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the difference only.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Make the configuration what a document says; the difference is shown first."""
    with reporting(as_json=as_json):
        installation = installation_from(config)
        reading, plan = _read(installation, read_yaml(file))
        if not as_json:
            _show(plan)
        applied = False
        if not plan.empty and not dry_run:
            agreed("Apply these changes?", yes=yes, as_json=as_json)
            apply_plan(plan, installation.store)
            applied = True
    minted = {
        name: {"client_id": client_id, "client_secret": secret.reveal()}
        for name, (client_id, secret) in reading.minted.items()
        if applied
    }
    if as_json:
        print_json(
            {
                "applied": applied,
                "changes": [_change_json(change) for change in plan.changes],
                "warnings": list(plan.warnings),
                "service_tokens": minted,
            }
        )
        return
    for name, token in minted.items():
        out.print(plain(f"service token {name}: shown this once"), style="bold")
        out.print(plain(f"    CF-Access-Client-Id: {token['client_id']}"))
        out.print(plain(f"    CF-Access-Client-Secret: {token['client_secret']}"))
    if plan.empty:
        out.print("Nothing to change.")
    else:
        out.print("Applied." if applied else "Not applied.")


def export(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Write the whole configuration as one document, without secrets."""
    with reporting(as_json=as_json):
        document = write_document(installation_from(config).store.configuration())
    if as_json:
        print_json(document)
        return
    stream = StringIO()
    yaml = YAML()
    yaml.default_flow_style = False
    yaml.width = 100
    yaml.dump(document, stream)  # pyright: ignore[reportUnknownMemberType] - ruamel is untyped here
    sys.stdout.write(stream.getvalue())


def check_config(
    config: ConfigOption = None,
    file: Annotated[
        Path | None, typer.Option("--file", "-f", help="A configuration document to judge too.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Judge the settings, and a configuration document where one is given."""
    warnings: tuple[str, ...] = ()
    with reporting(as_json=as_json):
        settings = settings_from(config)
        _check_files(settings)
        if file is not None:
            empty = Configuration(0, Organization("", "Vestibule", "team.localhost"))
            reading = read_document(
                read_yaml(file),
                empty,
                read_secret=read_secret,
                entropy=SystemEntropy(),
                clock=SystemClock(),
            )
            warnings = plan_changes(empty, reading.configuration).warnings
    if as_json:
        print_json({"valid": True, "warnings": list(warnings)})
        return
    for warning in warnings:
        err.print(Text("warning: ", style="bold yellow") + plain(warning))
    out.print("In order.")


def _check_files(settings: Settings) -> None:
    """Every file that the settings name must be there and readable (attacks.md F3)."""
    for path, file in named_files(settings).items():
        if not os.access(file, os.R_OK):
            raise InvalidConfiguration(f"cannot read {file}", path=path)


def schema(
    what: Annotated[
        str, typer.Argument(help="`settings` (vestibule.yaml) or `document` (apply, export).")
    ] = "document",
) -> None:
    """Print a JSON schema, for editors and reviews."""
    if what == "settings":
        print_json(Settings.model_json_schema())
        return
    if what != "document":
        fail("expected `settings` or `document`", Exit.USAGE)
    properties: dict[str, Any] = {
        "version": {"const": 1},
        "organization": object_schema(ORGANIZATION),
    }
    for section in SECTIONS:
        fields = tuple(field for field in section.fields if field.key != "id")
        entry = object_schema(fields)
        entry["properties"]["id"] = {"type": "string"}
        properties[section.key] = {"type": "array", "items": entry}
    print_json(
        {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": "Vestibule's configuration",
            "type": "object",
            "additionalProperties": False,
            "properties": properties,
        }
    )
