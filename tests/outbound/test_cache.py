"""Documents that change rarely (identity.md 8.1, row 14; attack O4, unknown-kid floods)."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Barrier, Thread

import pytest

from vestibule.outbound.cache import AnswerCache
from vestibule.protocols.exchange import OutboundError, Request, Response

URL = "https://idp.example/keys"


@dataclass
class World:
    """A clock and a server that a test moves."""

    now: float = 1000.0
    answer: Response | OutboundError = field(default_factory=lambda: document("1"))
    fetched: int = 0

    def fetch(self, _: Request) -> Response:
        self.fetched += 1
        if isinstance(self.answer, OutboundError):
            raise self.answer
        return self.answer


def document(name: str, cache_control: str = "") -> Response:
    headers = {"cache-control": cache_control} if cache_control else {}
    return Response(200, headers, f'{{"name":"{name}"}}'.encode())


def ask(cache: AnswerCache, *, refresh: bool = False, cache_for: float = 3600.0) -> bytes:
    return cache.answer(Request("GET", URL, cache_for=cache_for, refresh=refresh)).body


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def cache(world: World) -> AnswerCache:
    return AnswerCache(world.fetch, lambda: world.now)


LIFETIMES = [
    ("", 3600.0, 3600.0),
    ("", 1.0, 300.0),
    ("", 10**9, 86_400.0),
    ("max-age=600", 3600.0, 600.0),
    ("max-age=1", 3600.0, 300.0),
    ("max-age=3832304, must-revalidate", 3600.0, 86_400.0),
    ("public, max-age=99999999999999999999", 3600.0, 86_400.0),
    ("no-store", 3600.0, 300.0),
    ("no-cache, max-age=900", 3600.0, 300.0),
    ("s-maxage=7, max-age=900", 3600.0, 900.0),
    ("nonsense", 3600.0, 3600.0),
]


@pytest.mark.parametrize(("said", "wanted", "kept"), LIFETIMES)
def test_a_document_is_kept_as_said_within_bounds(
    world: World, cache: AnswerCache, said: str, wanted: float, kept: float
) -> None:
    world.answer = document("1", said)
    ask(cache, cache_for=wanted)
    world.now += kept - 1
    ask(cache, cache_for=wanted)
    assert world.fetched == 1
    world.now += 1
    ask(cache, cache_for=wanted)
    assert world.fetched == 2


def test_a_flood_of_unknown_keys_makes_one_fetch_a_minute(world: World, cache: AnswerCache) -> None:
    ask(cache)
    for _ in range(120):
        ask(cache, refresh=True)
        world.now += 1
    assert world.fetched == 1 + 2


def test_a_rotation_just_after_a_fetch_is_found_at_once(world: World, cache: AnswerCache) -> None:
    assert ask(cache) == document("1").body
    world.answer = document("2")
    assert ask(cache) == document("1").body
    assert ask(cache, refresh=True) == document("2").body


FAILURES = [
    OutboundError("unreachable"),
    Response(500),
    Response(302, {"location": "https://evil.example"}),
    Response(200, {}, b"<html>maintenance</html>"),
    Response(200, {}, b"[]"),
]


@pytest.mark.parametrize("failure", FAILURES, ids=["silent", "500", "302", "html", "list"])
def test_old_keys_go_on_serving_when_the_fetch_fails_but_not_forever(
    world: World, cache: AnswerCache, failure: Response | OutboundError
) -> None:
    ask(cache)
    world.answer = failure
    world.now += 4000
    assert ask(cache) == document("1").body
    assert ask(cache, refresh=True) == document("1").body
    world.now = 1000 + 86_400
    with pytest.raises(OutboundError):
        ask(cache)


def test_a_first_fetch_that_fails_is_not_repeated_at_once(world: World, cache: AnswerCache) -> None:
    world.answer = OutboundError("unreachable")
    for _ in range(10):
        with pytest.raises(OutboundError, match="unreachable"):
            ask(cache)
    assert world.fetched == 1
    world.now += 5
    world.answer = document("1")
    assert ask(cache) == document("1").body


def test_o5_documents_of_two_addresses_are_never_mistaken(world: World, cache: AnswerCache) -> None:
    ask(cache)
    world.answer = document("2")
    other = Request("GET", f"{URL}?client_id=other", cache_for=3600.0)
    assert cache.answer(other).body == document("2").body
    assert ask(cache) == document("1").body


def test_many_at_once_make_one_fetch(world: World, cache: AnswerCache) -> None:
    barrier = Barrier(8)

    def asker() -> None:
        barrier.wait()
        ask(cache)

    threads = [Thread(target=asker) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert world.fetched == 1


def test_the_memory_is_bounded(world: World, cache: AnswerCache) -> None:
    for number in range(1100):
        cache.answer(Request("GET", f"{URL}/{number}", cache_for=3600.0))
    fetched = world.fetched
    cache.answer(Request("GET", f"{URL}/0", cache_for=3600.0))
    cache.answer(Request("GET", f"{URL}/1099", cache_for=3600.0))
    assert world.fetched == fetched + 1
