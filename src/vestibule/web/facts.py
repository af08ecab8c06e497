"""Reads the facts of a request from what the data plane says of it.

The control plane listens on Unix sockets alone, and Envoy replaces every header named here
before it forwards a request: so they are believed, and one that is missing, doubled or
unreadable means that something is between us and Envoy, and nobody is let in.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import unquote

from vestibule.model.errors import VestibuleError
from vestibule.model.machine import ClientCertificate
from vestibule.model.request import RequestFacts

CLIENT_IP = "x-vestibule-client-ip"
SCHEME = "x-vestibule-scheme"
COUNTRY = "x-vestibule-country"
MODE = "x-vestibule-mode"
REQUEST_ID = "x-request-id"
CERTIFICATE = "x-forwarded-client-cert"
INTERNAL_PREFIX = "x-vestibule-"

_MODES = {"gateway": False, "forward-auth": True}
_COUNTRY = re.compile(r"[A-Z]{2}", re.ASCII)
_REQUEST_ID = re.compile(r"[0-9A-Fa-f-]{16,64}", re.ASCII)
_HOST = re.compile(r"[a-z0-9]([a-z0-9_.-]*[a-z0-9])?", re.ASCII)
_AUTHORITY = re.compile(r"([^:\[\]@/\\\s]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?", re.ASCII)
_ATTRIBUTE = re.compile(r"(?:\\.|[^,+\\])+", re.DOTALL)
_ESCAPED = re.compile(rb"\\(?:([0-9A-Fa-f]{2})|(.))", re.DOTALL)
_LONGEST_HOST = 253
_MOST_COOKIES = 256


class NotFromTheDataPlane(VestibuleError):
    """The request lacks what Envoy always says, or says it twice."""

    code = "not_from_the_data_plane"


class BadRequest(VestibuleError):
    """The visitor's own part of the request cannot be read."""

    code = "bad_request"


def request_facts(
    *, method: str, path: str, query: str, headers: Iterable[tuple[bytes, bytes]]
) -> RequestFacts:
    """Return the facts of a request.

    `headers` are as ASGI gives them: lower-case names, duplicates kept. Raises
    `NotFromTheDataPlane` and `BadRequest`.
    """
    pairs = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]
    by_name: dict[str, list[str]] = {}
    for name, value in pairs:
        by_name.setdefault(name, []).append(value)
    host, authority = normalised_host(_visitors(by_name, "host"))
    joined = {name: ", ".join(values) for name, values in by_name.items()}
    if "cookie" in by_name:
        # HTTP/2 may send a cookie in crumbs (RFC 9113, 8.2.3).
        joined["cookie"] = "; ".join(by_name["cookie"])
    return RequestFacts(
        method=method,
        scheme=_one_of(by_name, SCHEME, ("http", "https")),
        host=host,
        authority=authority,
        path=path,
        query=query,
        headers=joined,
        cookies=parse_cookies(joined.get("cookie", "")),
        client_ip=_client_ip(by_name),
        country=_country(by_name),
        certificate=_certificate(by_name),
        request_id=_matching(by_name, REQUEST_ID, _REQUEST_ID),
        forward_auth=_MODES[_one_of(by_name, MODE, tuple(_MODES))],
    )


def facts_of_scope(scope: Mapping[str, Any], *, prefix: str = "") -> RequestFacts:
    """Return the facts of an ASGI request whose path stands below `prefix`."""
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    path = raw.decode("latin-1").partition("?")[0]
    if prefix:
        if not path.startswith(prefix):
            raise NotFromTheDataPlane(f"expected a path below {prefix}")
        path = path[len(prefix) :]
    if not path.startswith("/"):
        raise BadRequest("expected a path that begins with a slash")
    headers: Sequence[tuple[bytes, bytes]] = scope["headers"]
    return request_facts(
        method=scope["method"],
        path=path,
        query=scope["query_string"].decode("latin-1"),
        headers=headers,
    )


def normalised_host(host_header: str) -> tuple[str, str]:
    """Return the host in its one form, and the authority: the same with its port.

    Lower case, without a trailing dot, in its ASCII form (IDNA, RFC 5891). Raises
    `BadRequest` for anything that is not a hostname with an optional port.
    """
    match = _AUTHORITY.fullmatch(host_header)
    if match is None:
        raise BadRequest("the Host header is not a hostname with an optional port")
    host, port = match[1], match[2]
    if port is not None and not 0 < int(port) <= 65535:
        raise BadRequest("the Host header names a port that does not exist")
    if host.startswith("["):
        try:
            host = f"[{ipaddress.IPv6Address(host[1:-1]).compressed}]"
        except ValueError as error:
            raise BadRequest("the Host header holds an address that cannot be read") from error
    else:
        host = _ascii(host.removesuffix("."))
        if len(host) > _LONGEST_HOST or not _HOST.fullmatch(host) or ".." in host:
            raise BadRequest("the Host header is not a hostname")
    return host, f"{host}:{port}" if port is not None else host


def parse_cookies(header: str) -> dict[str, tuple[str, ...]]:
    """Return every value that was sent under each name, in order (RFC 6265, 4.2.1).

    Nothing is decoded or unquoted, and a part without `=` is no cookie: what we set has
    neither quotes nor escapes, and what others set is not ours to read.
    """
    found: dict[str, tuple[str, ...]] = {}
    for part in header.split(";", _MOST_COOKIES)[:_MOST_COOKIES]:
        name, equals, value = part.strip(" \t").partition("=")
        if equals and name:
            found[name] = (*found.get(name, ()), value)
    return found


def parse_client_certificate(header: str) -> ClientCertificate | None:
    """Return the certificate that Envoy verified (`x-forwarded-client-cert`), None if none.

    Raises `NotFromTheDataPlane` when the header is not the one element that Envoy writes.
    """
    if not header:
        return None
    elements = _split_outside_quotes(header, ",")
    if len(elements) != 1:
        raise NotFromTheDataPlane(f"{CERTIFICATE} speaks of more than one certificate")
    fields: dict[str, str] = {}
    for part in _split_outside_quotes(elements[0], ";"):
        name, equals, value = part.partition("=")
        name = name.strip().lower()
        if not equals or name in fields:
            raise NotFromTheDataPlane(f"{CERTIFICATE} cannot be read")
        fields[name] = _unquoted(value)
    if not re.fullmatch(r"[0-9a-f]{64}", fields.get("hash", "")):
        raise NotFromTheDataPlane(f"{CERTIFICATE} does not name the certificate's hash")
    subject = fields.get("subject", "")
    return ClientCertificate(
        common_name=common_name(subject),
        subject=subject,
        fingerprint_sha256=fields["hash"],
    )


def common_name(subject: str) -> str:
    """Return the common name of a subject as RFC 2253 writes it; empty unless there is just one.

    A subject with several is nobody's in particular.
    """
    names = [
        _unescaped(value)
        for attribute in _ATTRIBUTE.findall(subject)
        for kind, _, value in [attribute.partition("=")]
        if kind.strip().lower() == "cn"
    ]
    return names[0] if len(names) == 1 else ""


def _unescaped(value: str) -> str:
    """Undo RFC 2253's escapes (2.4): a backslash before a letter, or before two hex digits."""
    octets = _ESCAPED.sub(
        lambda found: bytes.fromhex(found[1].decode()) if found[1] else found[2],
        value.encode("utf-8", "surrogateescape"),
    )
    return octets.decode("utf-8", "replace").strip()


def _split_outside_quotes(text: str, separator: str) -> list[str]:
    parts: list[str] = []
    start = 0
    quoted = escaped = False
    for position, letter in enumerate(text):
        if escaped:
            escaped = False
        elif letter == "\\" and quoted:
            escaped = True
        elif letter == '"':
            quoted = not quoted
        elif letter == separator and not quoted:
            parts.append(text[start:position])
            start = position + 1
    if quoted:
        raise NotFromTheDataPlane(f"{CERTIFICATE} has a quotation mark without its twin")
    return [*parts, text[start:]]


def _unquoted(value: str) -> str:
    if len(value) >= 2 and value.startswith('"') and value.endswith('"'):
        # Envoy adds no escapes of its own: those inside are the subject's (RFC 2253).
        return value[1:-1]
    return unquote(value)


def _certificate(by_name: Mapping[str, list[str]]) -> ClientCertificate | None:
    values = by_name.get(CERTIFICATE, [])
    if len(values) > 1:
        raise NotFromTheDataPlane(f"{CERTIFICATE} came more than once")
    return parse_client_certificate(values[0]) if values else None


def _client_ip(by_name: Mapping[str, list[str]]) -> str:
    text = _single(by_name, CLIENT_IP)
    try:
        address = ipaddress.ip_address(text)
    except ValueError as error:
        raise NotFromTheDataPlane(f"{CLIENT_IP} is not an address") from error
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return str(address)


def _country(by_name: Mapping[str, list[str]]) -> str | None:
    if COUNTRY not in by_name or by_name[COUNTRY] in ([""], ["-"]):
        return None
    return _matching(by_name, COUNTRY, _COUNTRY)


def _ascii(host: str) -> str:
    if host.isascii():
        return host.lower()
    try:
        # Uvicorn hands over octets; a browser sends `xn--` itself, others send UTF-8.
        return host.encode("latin-1").decode("utf-8").lower().encode("idna").decode("ascii")
    except UnicodeError as error:
        raise BadRequest("the Host header is not a hostname") from error


def _visitors(by_name: Mapping[str, list[str]], name: str) -> str:
    values = by_name.get(name, [])
    if len(values) != 1:
        raise BadRequest(f"expected one {name} header, found {len(values)}")
    return values[0].strip()


def _single(by_name: Mapping[str, list[str]], name: str) -> str:
    values = by_name.get(name, [])
    if len(values) != 1:
        raise NotFromTheDataPlane(f"expected one {name} header, found {len(values)}")
    return values[0].strip()


def _one_of(by_name: Mapping[str, list[str]], name: str, allowed: tuple[str, ...]) -> str:
    value = _single(by_name, name)
    if value not in allowed:
        raise NotFromTheDataPlane(f"{name} should be one of {', '.join(allowed)}")
    return value


def _matching(by_name: Mapping[str, list[str]], name: str, pattern: re.Pattern[str]) -> str:
    value = _single(by_name, name)
    if not pattern.fullmatch(value):
        raise NotFromTheDataPlane(f"{name} cannot be read")
    return value
