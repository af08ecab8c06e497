"""What the store costs with 100,000 users and a million grants: `python bench/store_at_scale.py`.

Fills a database (SQLite in a temporary directory, or the URL given), and prints the median
of each question beside its cost in a nearly empty one. The columns should hardly differ.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import insert

from vestibule.model.access_log import AccessRecord
from vestibule.model.identity import User
from vestibule.model.organization import Organization
from vestibule.model.session import Grant
from vestibule.model.state import LogQuery
from vestibule.store import Seal, open_store
from vestibule.store.database import SqlStore
from vestibule.store.documents import dump
from vestibule.store.engine import make_engine, writing
from vestibule.store.sessions import grant_row
from vestibule.store.tables import access_log, grants, users

NOW = datetime(2026, 11, 22, tzinfo=UTC)
SEAL = Seal({"bench": bytes(32)})
PORTION = 10_000


def fill(url: str, people: int, grants_each: int) -> None:
    """Users, their grants (one in a hundred revoked), and a log record for each user."""
    engine = make_engine(url)
    count = people * grants_each
    with writing(engine) as connection:
        for start in range(0, people, PORTION):
            portion = range(start, min(start + PORTION, people))
            connection.execute(insert(users), [_user(n) for n in portion])
            connection.execute(insert(access_log), [_record(n) for n in portion])
        for start in range(0, count, PORTION):
            portion = range(start, min(start + PORTION, count))
            connection.execute(insert(grants), [_grant(n, people) for n in portion])
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("ANALYZE")
    engine.dispose()


def _user(n: int) -> dict[str, Any]:
    email = f"user{n}@example.com"
    return {
        "id": f"u{n:07}",
        "email_key": email,
        "document": dump(User(f"u{n:07}", email, f"User {n}", NOW)),
    }


def _grant(n: int, people: int) -> dict[str, Any]:
    user = n % people
    return grant_row(
        Grant(
            id=f"grant-{n:08}",
            application_id=f"app{n % 1000}",
            policy_id="p",
            issued_at=NOW,
            expires_at=NOW + timedelta(seconds=n % 86_400),
            session_id=f"s{user:07}",
            user_id=f"u{user:07}",
            revoked_at=NOW if n % 100 == 0 else None,
        )
    )


def _record(n: int) -> dict[str, Any]:
    at = NOW + timedelta(seconds=n)
    email = f"user{n}@example.com"
    record = AccessRecord(f"ray{n}", at, "check", n % 50 != 0, user_email=email)
    return {
        "created_at": at,
        "ray_id": record.ray_id,
        "action": "check",
        "allowed": record.allowed,
        "user_email": email,
        "application_id": f"app{n % 1000}",
        "document": dump(record),
    }


def questions(store: SqlStore) -> dict[str, Callable[[], object]]:
    """What is asked, each in a transaction of its own."""
    serial = iter(range(10**9))

    def read(ask: Callable[[Any], object]) -> Callable[[], object]:
        def run() -> object:
            with store.reading() as records:
                return ask(records)

        return run

    def issue() -> None:
        with store.transaction() as records:
            n = next(serial)
            records.add_grant(Grant(f"new{n}", "app1", "p", NOW, NOW + timedelta(days=1)))
            records.log(AccessRecord(f"new{n}", NOW, "login", True))

    def revoke() -> None:
        with store.transaction() as records:
            records.revoke_grants([f"new{next(serial)}"], NOW)

    return {
        "revisions": store.revisions,
        "configuration (cached)": store.configuration,
        "user by e-mail": read(lambda r: r.user_by_email("user7@example.com")),
        "grant": read(lambda r: r.grant("grant-00000007")),
        "live grants of a user": read(lambda r: r.live_grants(NOW, user_id="u0000007")),
        "live grants of a session": read(lambda r: r.live_grants(NOW, session_id="s0000007")),
        "log by reference": read(lambda r: r.access_log(LogQuery(ray_id="ray7"))),
        "log, newest 20": read(lambda r: r.access_log(LogQuery(limit=20))),
        "log, refused 20": read(lambda r: r.access_log(LogQuery(allowed=False, limit=20))),
        "issue a grant and log it": issue,
        "revoke a grant": revoke,
    }


def median_microseconds(ask: Callable[[], object], times: int = 200) -> float:
    """The median of so many runs."""
    took: list[float] = []
    for _ in range(times):
        began = time.perf_counter()
        ask()
        took.append(time.perf_counter() - began)
    return 1e6 * statistics.median(took)


def measure(url: str, people: int, grants_each: int) -> dict[str, float]:
    """Fill a new database and ask it everything."""
    store = open_store(url, SEAL, migrate=True)
    with store.transaction() as records:
        records.put_organization(Organization("o", "Bench", "team.example"))
    fill(url, people, grants_each)
    found = {name: median_microseconds(ask) for name, ask in questions(store).items()}
    began = time.perf_counter()
    with store.reading() as records:
        revoked = len(records.revoked_grants(NOW))
    found[f"all {revoked} revoked"] = 1e6 * (time.perf_counter() - began)
    store.close()
    return found


def main() -> None:
    """Compare a small and a large database of the same kind."""
    with tempfile.TemporaryDirectory(prefix="v-") as directory:
        urls = sys.argv[1:3] or [f"sqlite:///{Path(directory) / name}.db" for name in "ab"]
        small, large = measure(urls[0], 10, 10), measure(urls[1], 100_000, 10)
    if "--json" in sys.argv:
        print(json.dumps({"small": small, "large": large}))
        return
    print(f"{'microseconds, median':32} {'100 grants':>12} {'1,000,000':>12}")
    for (name, one), (other_name, other) in zip(small.items(), large.items(), strict=True):
        print(f"{name if name == other_name else other_name:32} {one:12.0f} {other:12.0f}")


if __name__ == "__main__":
    main()
