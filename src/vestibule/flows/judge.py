"""Judge a whole configuration before anything of it is written: fail closed, say where."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlsplit

from vestibule.connectors.base import Connector
from vestibule.model.application import Application, ApplicationType, Cors, Origin
from vestibule.model.configuration import Configuration
from vestibule.model.errors import InvalidConfiguration
from vestibule.model.identity import IdentityProvider
from vestibule.model.organization import Organization
from vestibule.model.rules import ListKind, ValueList
from vestibule.policy.pattern import Pattern, check_no_overlap
from vestibule.policy.selectors.network import read_range
from vestibule.policy.validate import check_groups, check_policy, warnings

MONTH = timedelta(hours=730)
METHODS = {"GET", "POST", "HEAD", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"}
HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^`|~-]+")
HOST = re.compile(r"[a-z0-9.-]+(:[0-9]{1,5})?")


def judge(
    configuration: Configuration, connectors: Mapping[str, Connector]
) -> tuple[Configuration, tuple[str, ...]]:
    """The configuration as it is kept, and warnings about what is rarely meant.

    Raises `InvalidConfiguration` with the path of the first thing that is wrong.
    """
    _organization(configuration.organization)
    providers = {
        id: _provider(provider, connectors)
        for id, provider in configuration.identity_providers.items()
    }
    configuration = replace(configuration, identity_providers=providers)
    for one in configuration.lists.values():
        _list(one)
    check_groups(configuration.groups)
    for policy in configuration.policies.values():
        check_policy(policy, f"policies[{policy.name}]", configuration.groups)
    for application in configuration.applications.values():
        _application(application, configuration)
    _unique_places(configuration)
    for origin in configuration.origins.values():
        _origin(origin)
    return configuration, tuple(
        f"policies[{policy.name}]: {sentence}"
        for policy in configuration.policies.values()
        for sentence in warnings(policy, configuration.groups, configuration.lists, providers)
    )


def _provider(provider: IdentityProvider, connectors: Mapping[str, Connector]) -> IdentityProvider:
    """The provider with its `config` as its connector writes it."""
    path = f"identity_providers[{provider.name}]"
    connector = connectors.get(provider.type)
    if connector is None:
        raise InvalidConfiguration(
            f"no connector for {provider.type!r}; there are {', '.join(sorted(connectors))}",
            path=f"{path}.type",
        )
    secrets = frozenset(provider.secrets)
    config = connector.validate(provider.config, secrets, f"{path}.config")
    return replace(provider, config=config)


def _organization(organization: Organization) -> None:
    if not HOST.fullmatch(organization.auth_domain):
        raise InvalidConfiguration(
            "expected a lower-case hostname, with a port where it is not the default, found "
            f"{organization.auth_domain!r}",
            path="organization.auth_domain",
        )
    _between(
        organization.session_duration,
        timedelta(minutes=15),
        MONTH,
        "organization.session_duration",
    )


def _between(value: timedelta, low: timedelta, high: timedelta, path: str) -> None:
    if not low <= value <= high:
        raise InvalidConfiguration(
            f"expected between {low.total_seconds() / 60:g} minutes and "
            f"{high.total_seconds() / 3600:g} hours",
            path=path,
        )


def _list(one: ValueList) -> None:
    for position, item in enumerate(one.items):
        path = f"lists[{one.name}].items[{position}]"
        if one.kind is ListKind.IP:
            if read_range(item) is None:
                raise InvalidConfiguration(
                    f"expected an address or a range such as 192.0.2.0/24, found {item!r}",
                    path=path,
                )
        elif item.count("@") != 1:
            raise InvalidConfiguration(f"expected an e-mail address, found {item!r}", path=path)


def _application(application: Application, configuration: Configuration) -> None:
    path = f"applications[{application.name}]"
    _between(application.session_duration, timedelta(0), MONTH, f"{path}.session_duration")
    if application.auto_redirect_to_identity and len(application.allowed_idps) != 1:
        raise InvalidConfiguration(
            "needs exactly one entry in allowed_idps", path=f"{path}.auto_redirect_to_identity"
        )
    if application.cors is not None:
        if application.options_preflight_bypass:
            raise InvalidConfiguration(
                "cannot stand beside options_preflight_bypass", path=f"{path}.cors"
            )
        _cors(application.cors, f"{path}.cors")
    _https(application.logo_url, f"{path}.logo_url")
    for name in ("custom_deny_url", "custom_non_identity_deny_url"):
        _https(getattr(application, name), f"{path}.{name}", plain=True)
    header = application.read_service_tokens_from_header
    if header and (not HEADER_NAME.fullmatch(header) or header.lower().startswith("cf-")):
        raise InvalidConfiguration(
            "expected a header name without underscores that is not one of ours",
            path=f"{path}.read_service_tokens_from_header",
        )
    if not re.fullmatch(r"[0-9a-f]{64}", application.aud):
        raise InvalidConfiguration("expected 64 lower-case hex digits", path=f"{path}.aud")
    if application.type is ApplicationType.SELF_HOSTED:
        for position, text in enumerate(application.destinations):
            _destination(text, configuration.organization, f"{path}.destinations[{position}]")
        if not application.destinations:
            raise InvalidConfiguration("needs at least one", path=f"{path}.destinations")
    elif application.type is ApplicationType.BOOKMARK:
        for position, url in enumerate(application.destinations):
            _https(url, f"{path}.destinations[{position}]", plain=True)


def _destination(text: str, organization: Organization, path: str) -> None:
    pattern = Pattern.parse(text, path)
    if pattern.matches(organization.auth_domain.partition(":")[0], "/"):
        raise InvalidConfiguration("covers the team domain, which is the gateway's own", path=path)


def _unique_places(configuration: Configuration) -> None:
    """No two applications on one pattern, no two origins either."""
    check_no_overlap(
        (Pattern.parse(text), application.name)
        for application in configuration.applications.values()
        if application.type is ApplicationType.SELF_HOSTED
        for text in application.destinations
    )
    check_no_overlap(
        (Pattern.parse(origin.match), origin.name) for origin in configuration.origins.values()
    )
    launchers = [
        one
        for one in configuration.applications.values()
        if one.type is ApplicationType.APP_LAUNCHER
    ]
    if len(launchers) > 1:
        raise InvalidConfiguration("there can be one app_launcher only", path="applications")
    auds: dict[str, str] = {}
    for one in configuration.applications.values():
        if auds.setdefault(one.aud, one.name) != one.name:
            raise InvalidConfiguration(f"has the AUD tag of {auds[one.aud]}", path=one.name)


def _cors(cors: Cors, path: str) -> None:
    pairs = (
        ("origins", cors.allow_all_origins, cors.allowed_origins),
        ("methods", cors.allow_all_methods, cors.allowed_methods),
        ("headers", cors.allow_all_headers, cors.allowed_headers),
    )
    for word, everything, some in pairs:
        if everything and some:
            raise InvalidConfiguration(
                f"give allow_all_{word} or allowed_{word}, not both", path=path
            )
    if cors.allow_credentials and cors.allow_all_origins:
        raise InvalidConfiguration(
            "allow_credentials needs origins by name, not allow_all_origins", path=path
        )
    unknown = set(cors.allowed_methods) - METHODS
    if unknown:
        raise InvalidConfiguration(f"unknown method {min(unknown)!r}", path=path)


def _https(url: str, path: str, *, plain: bool = False) -> None:
    if not url:
        return
    parts = urlsplit(url)
    schemes = ("https", "http") if plain else ("https",)
    if parts.scheme not in schemes or not parts.hostname or "@" in parts.netloc or "\\" in url:
        raise InvalidConfiguration(f"expected an https:// address, found {url!r}", path=path)


def _origin(origin: Origin) -> None:
    path = f"origins[{origin.name}]"
    Pattern.parse(origin.match, f"{path}.match")
    if not origin.urls:
        raise InvalidConfiguration("needs at least one", path=f"{path}.urls")
    schemes = {urlsplit(url).scheme for url in origin.urls}
    for position, url in enumerate(origin.urls):
        parts = urlsplit(url)
        if (
            parts.scheme not in ("http", "https", "h2c")
            or not parts.hostname
            or parts.path not in ("", "/")
            or parts.query
            or parts.username
        ):
            raise InvalidConfiguration(
                f"expected http://, https:// or h2c:// with host and port only, found {url!r}",
                path=f"{path}.urls[{position}]",
            )
    if len(schemes) > 1:
        raise InvalidConfiguration("all need the same scheme", path=f"{path}.urls")
