"""The schema's version: bringing a database to it, and refusing one that has another."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, column, inspect, select, table

from vestibule.model.errors import InvalidConfiguration, StoreUnavailable
from vestibule.store.engine import make_engine, reading, writing

HEAD = "0001"
"""The schema that this version of Vestibule works with."""

_VERSION = table("alembic_version", column("version_num"))


class SchemaNotCurrent(StoreUnavailable):
    """The database has another schema than this version of Vestibule needs."""

    code = "schema_not_current"


def migrate(url: str, revision: str = "head") -> str:
    """Bring the database to `revision`, in one transaction; says where it is now.

    Creates the database file of SQLite. Goes back where `revision` is an earlier one than
    the database has (`base` for an empty database), which forgets what came later.
    """
    engine = make_engine(url)
    config = _config()
    try:
        with writing(engine) as connection:
            config.attributes["connection"] = connection
            if revision in _earlier(config, present_revision(connection)):
                command.downgrade(config, revision)
            else:
                command.upgrade(config, revision)
            return present_revision(connection)
    except CommandError as error:
        raise InvalidConfiguration(f"the schema cannot go to {revision}: {error}") from error
    finally:
        engine.dispose()


def present_revision(connection: Connection) -> str:
    """The schema's version in this database; empty when there is none."""
    if not inspect(connection).has_table("alembic_version"):
        return ""
    versions = connection.execute(select(_VERSION)).scalars().all()
    return ",".join(str(version) for version in versions)


def require_current(engine: Engine) -> None:
    """Raise `SchemaNotCurrent`, with what to do, unless the schema is `HEAD`."""
    with reading(engine) as connection:
        present = present_revision(connection)
    if present == HEAD:
        return
    if not present:
        raise SchemaNotCurrent("the database is empty: run `vestibule init`")
    known = {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}
    if present in known:
        raise SchemaNotCurrent(
            f"the database has schema {present}, and this version needs {HEAD}: "
            "make a backup, then run `vestibule migrate`"
        )
    raise SchemaNotCurrent(
        f"the database has schema {present}, which this version does not know: "
        "it was made by a newer Vestibule, or is not Vestibule's at all"
    )


def _earlier(config: Config, present: str) -> frozenset[str]:
    """The revisions that come before `present`; raises `CommandError` for a strange one."""
    if not present:
        return frozenset()
    steps = ScriptDirectory.from_config(config).walk_revisions(head=present)
    return frozenset({"base", *(step.revision for step in steps)} - {present})


def _config() -> Config:
    config = Config()
    here = str(Path(__file__).parent / "migrations")
    config.set_main_option("script_location", here.replace("%", "%%"))
    return config
