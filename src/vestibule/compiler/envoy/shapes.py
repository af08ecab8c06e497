"""The few shapes of Envoy's JSON that recur: typed configs, string, header and metadata tests."""

from __future__ import annotations

import json
from typing import TypeAlias

from vestibule.model.values import Json

Resource: TypeAlias = dict[str, Json]
"""One Envoy message as protobuf's JSON writes it."""


def typed(type_name: str, **fields: Json) -> Resource:
    """Return an `Any` of `type_name` (without the host part) with `fields`."""
    return {"@type": f"type.googleapis.com/{type_name}", **fields}


def http_filter(name: str, type_name: str, **fields: Json) -> Resource:
    """Return an entry of `http_filters`."""
    return {"name": name, "typed_config": typed(type_name, **fields)}


def discovered_filter(name: str, type_name: str, file: str) -> Resource:
    """Return an entry of `http_filters` whose configuration is read from `file` (ECDS)."""
    return {
        "name": name,
        "config_discovery": {
            "config_source": file_source(file),
            "type_urls": [f"type.googleapis.com/{type_name}"],
        },
    }


def file_source(path: str) -> Resource:
    """Return a configuration source that reloads `path` whenever a file is renamed onto it."""
    return {"path_config_source": {"path": path}, "resource_api_version": "V3"}


def canonical(document: Json) -> bytes:
    """Return `document` as JSON that is equal whenever the document is."""
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


def exact(value: str) -> Resource:
    """Return a StringMatcher for `value`."""
    return {"exact": value}


def regex(pattern: str) -> Resource:
    """Return a StringMatcher for a RE2 pattern that must match the whole."""
    return {"safe_regex": {"regex": pattern}}


def header(name: str, matcher: Resource) -> Resource:
    """Return a HeaderMatcher: the header is there and its value fits."""
    return {"name": name, "string_match": matcher}


def header_present(name: str) -> Resource:
    """Return a HeaderMatcher: the header is there."""
    return {"name": name, "present_match": True}


def duration(seconds: float) -> str:
    """Return a protobuf Duration."""
    return f"{seconds:.9f}".rstrip("0").rstrip(".") + "s"
