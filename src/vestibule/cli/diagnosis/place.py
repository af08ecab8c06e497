"""Files, directory, keys and database: what has to be there before anything runs."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from vestibule.app import inspect_database
from vestibule.cli.diagnosis.finding import Finding, bad, ok, unknown, warn
from vestibule.cli.diagnosis.patient import Patient
from vestibule.model.errors import VestibuleError
from vestibule.settings import Settings
from vestibule.tokens.keys import NoSigningKey, current


def named_files(settings: Settings) -> dict[str, Path]:
    """Every file that the settings name, by its setting."""
    named: dict[str, Path | None] = {
        "listen.tls_certificate": settings.listen.tls_certificate,
        "listen.tls_key": settings.listen.tls_key,
        "forward_auth.tls_certificate": settings.forward_auth.tls_certificate,
        "forward_auth.tls_key": settings.forward_auth.tls_key,
        "geoip_database": settings.geoip_database,
        "outbound.ca_file": settings.outbound.ca_file,
        "smtp.password_file": settings.smtp.password_file,
    }
    return {name: file for name, file in named.items() if file is not None}


def files(patient: Patient) -> Iterator[Finding]:
    """Every file that the settings name can be read."""
    named = named_files(patient.settings)
    lost = {name: file for name, file in named.items() if not os.access(file, os.R_OK)}
    for name, file in lost.items():
        yield bad(
            f"{name} names {file}, which cannot be read",
            "correct the path, or let the user that runs Vestibule read the file",
        )
    if not lost:
        yield ok("the settings are in order, and every file they name can be read")


def data_directory(patient: Patient) -> Iterator[Finding]:
    """The directory of the state is there, ours, and closed to others."""
    directory = patient.settings.data_dir
    if not directory.is_dir():
        yield bad(f"there is no directory {directory}", "run `vestibule init`")
        return
    if not os.access(directory, os.R_OK | os.W_OK | os.X_OK):
        yield bad(
            f"we may not write into {directory}",
            "run this as the user that runs Vestibule, or give that user the directory",
        )
        return
    mode = stat.S_IMODE(directory.stat().st_mode)
    if mode & 0o077:
        yield warn(
            f"others may enter {directory} (mode {mode:04o})", f"run `chmod 700 {directory}`"
        )
    else:
        yield ok(f"{directory} is closed to others")


def sealing_key(patient: Patient) -> Iterator[Finding]:
    """The key that opens the stored secrets is there, and nobody else can read it."""
    file = patient.settings.seal_file
    try:
        mode = stat.S_IMODE(file.stat().st_mode)
    except OSError as error:
        yield bad(
            f"the sealing key {file} cannot be read: {error.strerror}",
            "run `vestibule init` for a new installation, or put back the key that its "
            "database was sealed with",
        )
        return
    if mode & 0o077:
        yield bad(f"others may read {file} (mode {mode:04o})", f"run `chmod 600 {file}`")
        return
    yield ok(f"{file} can be read by its owner alone; keep a copy apart from the backups")


def database(patient: Patient) -> Iterator[Finding]:
    """The database answers and has the schema of this version."""
    try:
        facts = inspect_database(patient.settings)
    except VestibuleError as error:
        yield bad(
            error.message,
            "run `vestibule init` for a new installation, or correct database_url and see "
            "that the database runs",
        )
        return
    if not facts.schema:
        yield bad(f"{facts.engine} answers, and is empty", "run `vestibule init`")
    elif not facts.current:
        yield bad(
            f"{facts.engine} has schema {facts.schema}; this version needs {facts.wanted_schema}",
            "make a backup with the version that ran before, then run `vestibule migrate`",
        )
    else:
        yield ok(f"{facts.engine} answers, with schema {facts.schema}")


def signing_key(patient: Patient) -> Iterator[Finding]:
    """There is a key that signs, and it is being replaced in time."""
    if patient.store is None or patient.configuration is None:
        yield unknown("the database is not open")
        return
    with patient.store.reading() as records:
        known = records.signing_keys()
    try:
        signing = current(known)
    except NoSigningKey as error:
        yield bad(error.message, "start `vestibule serve`")
        return
    days = (patient.now() - signing.created_at) // timedelta(days=1)
    interval = patient.configuration.organization.key_rotation_interval_days
    if days > interval + 1:
        yield warn(
            f"the key that signs is {days} days old, and was to be replaced after {interval}",
            "see that `vestibule serve` runs: it replaces keys; or run `vestibule keys rotate`",
        )
    else:
        yield ok(f"tokens are signed with {signing.kid[:16]}, {days} days old")
