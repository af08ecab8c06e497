"""The configuration file of `python -m simulated_okta`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from simulated_okta.demo_world import demo_world
from simulated_okta.factors import Engine
from simulated_okta.world import GroupsClaim, World, parse


@dataclass(frozen=True)
class Configuration:
    """The world to simulate, and how to serve it."""

    world: World
    control_token: str = ""
    hints: bool = True


def read(path: Path) -> Configuration:
    """Read the file; raise `ValueError` (pydantic's names the place) when it is not right.

    Members: `control_token`, `hints`, and either `demo` with the arguments of `demo_world`
    (`client_id`, `client_secret`, `redirect_uris`, `api_token`, `engine`, `org_url`, ...) or
    `world` with the members of `World`.
    """
    document: dict[str, Any] = json.loads(path.read_text())
    unknown = document.keys() - {"demo", "world", "control_token", "hints"}
    if unknown or ("demo" in document) == ("world" in document):
        raise ValueError(
            "expected one of `demo` and `world`, with `control_token` and `hints` beside it; "
            f"found {', '.join(sorted(document))}"
        )
    world = _demo(document["demo"]) if "demo" in document else parse(document["world"])
    return Configuration(
        world, str(document.get("control_token", "")), bool(document.get("hints", True))
    )


def _demo(arguments: Mapping[str, Any]) -> World:
    parsed = dict(arguments)
    if "engine" in parsed:
        parsed["engine"] = TypeAdapter(Engine).validate_python(parsed["engine"])
    if parsed.get("groups_claim") is not None:
        parsed["groups_claim"] = TypeAdapter(GroupsClaim).validate_python(parsed["groups_claim"])
    try:
        return demo_world(**parsed)
    except TypeError as error:
        raise ValueError(f"demo: {error}") from error
