"""From JSON to a `Rule`, or to a sentence that says what is wrong with it (api.md 4).

References (providers, lists, groups, tokens) are not looked up here: existing clients
create rules before what they name. What a lost reference means is `evaluate`'s to say.
"""

from __future__ import annotations

from collections.abc import Mapping
from json import dumps
from types import MappingProxyType
from typing import cast

from vestibule.model.errors import InvalidConfiguration
from vestibule.model.rules import Rule
from vestibule.model.values import Json
from vestibule.policy.selectors.table import SELECTORS

# Names by which other clients know a selector (Terraform, of several ages).
_ALIASES: Mapping[str, str] = MappingProxyType(
    {"azure_ad": "azureAD", "azure": "azureAD", "github_organization": "github-organization"}
)

# Known to others, but resting on a product that is not part of this gateway. They are
# refused, never ignored: an ignored Require would let in whom it was to keep out.
_LACKING: Mapping[str, str] = MappingProxyType(
    {
        "device_posture": "needs a device client, which this gateway does not have",
        "warp": "needs a device client, which this gateway does not have",
        "gateway": "needs a device client, which this gateway does not have",
        "cloudflare_account_member": "needs the members of a vendor's account, "
        "which this gateway does not have",
    }
)


def parse_rule(json: Json, path: str = "") -> Rule:
    """Read one rule, an object with exactly one key. Raises `InvalidConfiguration`."""
    if not isinstance(json, Mapping):
        raise InvalidConfiguration("a rule has to be an object with one key", path=path)
    rule = cast("Mapping[Json, Json]", json)
    if len(rule) != 1:
        keys = ", ".join(sorted(str(key) for key in rule)) or "none"
        raise InvalidConfiguration(f"a rule has exactly one key; found {keys}", path=path)
    [(written, body)] = rule.items()
    name = _ALIASES.get(str(written), str(written))
    place = f"{path}.{written}" if path else str(written)
    if name in _LACKING:
        raise InvalidConfiguration(f"the selector {written} {_LACKING[name]}", path=place)
    if name not in SELECTORS:
        raise InvalidConfiguration(f"there is no selector {written}", path=place)
    if not isinstance(body, Mapping):
        raise InvalidConfiguration("the selector's values have to be an object", path=place)
    return Rule(name, _checked(name, cast("Mapping[str, Json]", body), place))


def _checked(name: str, body: Mapping[str, Json], path: str) -> dict[str, Json]:
    """`body` as it was written, without nulls and with the names of today."""
    given = {str(key): value for key, value in body.items() if value is not None}
    if name == "okta" and "name" not in given and "email" in given:
        given["name"] = given.pop("email")  # older documents write a group's name so
    if name == "email_domain" and isinstance(given.get("domain"), str):
        given["domain"] = given["domain"].removeprefix("@")
    for field in SELECTORS[name].fields:
        if field.name not in given:
            if field.optional:
                continue
            raise InvalidConfiguration(f"{name} needs {field.name}", path=path)
        if wanted := field.complaint(given[field.name]):
            found = dumps(given[field.name], default=str)[:80]
            raise InvalidConfiguration(
                f"expected {wanted}; found {found}", path=f"{path}.{field.name}"
            )
    return given
