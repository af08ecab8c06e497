"""`backup`, `restore`, `migrate`: the whole state, in a file and in a schema."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vestibule.app import backup_state, migrate_state, restore_state
from vestibule.cli.options import ConfigOption, JsonOption, YesOption, settings_from
from vestibule.cli.output import agreed, err, out, plain, print_json, reporting

TargetArgument = Annotated[Path, typer.Argument(help="The backup file.")]


def backup(
    target: TargetArgument, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Write the whole state into one file; secrets in it stay sealed."""
    with reporting(as_json=as_json):
        settings = settings_from(config)
        with err.status("Writing the backup..."):
            backup_state(settings, target)
    if as_json:
        print_json({"file": str(target), "sealing_key": str(settings.seal_file)})
        return
    out.print(plain(f"Wrote {target}."))
    out.print(plain(f"It cannot be used without the sealing key: keep {settings.seal_file} too."))


def restore(
    source: TargetArgument,
    config: ConfigOption = None,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Replace the whole state by that of a backup. Stop Vestibule first."""
    agreed("Replace the whole state of this installation?", yes=yes, as_json=as_json)
    with reporting(as_json=as_json), err.status("Restoring..."):
        restore_state(settings_from(config), source)
    print_json({"restored": str(source)}) if as_json else out.print(plain(f"Restored {source}."))


def migrate_schema(
    revision: Annotated[
        str, typer.Argument(help="`head`, or an earlier revision to go back to.")
    ] = ("head"),
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Bring the database to this version's schema, or back to an earlier one."""
    with reporting(as_json=as_json):
        at = migrate_state(settings_from(config), revision)
    print_json({"revision": at}) if as_json else out.print(plain(f"The schema is at {at}."))
