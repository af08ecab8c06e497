"""The one way out over HTTP: fits `flows.ports.Network`.

No proxies from the environment, no redirects, no cookies, no content codings; one deadline
for the whole call, a cap on the answer's size, and `dialling` decides what may be reached.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

import httpcore2

from vestibule.model.errors import InvalidConfiguration
from vestibule.outbound.addresses import parse_allow_list
from vestibule.outbound.cache import AnswerCache
from vestibule.outbound.dialling import Dialler, ForbiddenAddress, Resolver, resolve
from vestibule.protocols.exchange import OutboundError, Request, Response

MAX_BODY = 256 * 1024
MAX_DELAY = 5.0
_PORTS = {"https": 443, "http": 80}


def _user_agent() -> str:
    """Stable, so that an administrator of a provider can recognise us (identity.md 2.6)."""
    try:
        return f"Vestibule/{version('vestibule')}"
    except PackageNotFoundError:
        return "Vestibule"


_USER_AGENT = _user_agent()


class SafeNetwork:
    """Sends requests to where the operator lets us.

    `allow` lists what may be private or plain http; `ca_file` adds certificate authorities;
    `timeout` caps each call as a whole, whatever the request asks for.
    """

    def __init__(
        self,
        allow: Iterable[str] = (),
        ca_file: Path | None = None,
        timeout: float = 5.0,
        *,
        resolver: Resolver = resolve,
        max_body: int = MAX_BODY,
    ) -> None:
        self._timeout = timeout
        self._max_body = max_body
        self._dialler = Dialler(parse_allow_list(allow), resolver)
        self._pool = httpcore2.ConnectionPool(
            ssl_context=_tls(ca_file),
            max_connections=50,
            max_keepalive_connections=10,
            keepalive_expiry=10.0,
            network_backend=self._dialler,
        )
        self._cache = AnswerCache(self._fetch, time.monotonic)

    def send(self, request: Request) -> Response:
        """Send one request. Raises `OutboundError` when no answer came or it was forbidden."""
        if request.delay > 0:
            time.sleep(min(request.delay, MAX_DELAY))
        if request.method == "GET" and request.cache_for > 0:
            return self._cache.answer(request)
        return self._fetch(request)

    def close(self) -> None:
        """Close the connections that are kept open."""
        self._pool.close()
        self._dialler.close()

    def _fetch(self, request: Request) -> Response:
        parts = _parse_url(request.url)
        seconds = min(request.timeout, self._timeout)
        try:
            with self._dialler.call(seconds=seconds, plain=parts.scheme == "http"):
                return self._exchange(request, parts)
        except ForbiddenAddress as error:
            raise OutboundError(str(error), code="outbound_forbidden") from error
        except httpcore2.LocalProtocolError:
            # Its text quotes the header that cannot be sent, which may be a secret.
            raise OutboundError(
                f"the request to {parts.netloc} cannot be sent: a header holds characters that "
                "no header may hold",
                code="outbound_malformed",
            ) from None
        except (httpcore2.TimeoutException, TimeoutError) as error:
            raise OutboundError(
                f"{parts.netloc} gave no answer within {seconds:g} s", code="outbound_timeout"
            ) from error
        except (
            httpcore2.NetworkError,
            httpcore2.ProtocolError,
            httpcore2.UnsupportedProtocol,
            OSError,
        ) as error:
            raise OutboundError(
                f"{parts.netloc} cannot be reached: {str(error)[:200] or type(error).__name__}",
                code="outbound_unreachable",
            ) from error

    def _exchange(self, request: Request, parts: SplitResult) -> Response:
        host = parts.hostname or ""
        url = httpcore2.URL(
            scheme=parts.scheme,
            host=host,
            port=parts.port or _PORTS[parts.scheme],
            target=(parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
        )
        headers = {
            "Host": parts.netloc,
            "User-Agent": _USER_AGENT,
            "Accept": "*/*",
            "Accept-Encoding": "identity",
        }
        if request.body or request.method in ("POST", "PUT", "PATCH"):
            headers["Content-Length"] = str(len(request.body))
        names = {name.lower() for name in request.headers}
        sent = [(n, v) for n, v in headers.items() if n.lower() not in names]
        sent += request.headers.items()
        with self._pool.stream(
            request.method,
            url,
            headers=sent,
            content=request.body or None,
            extensions={"timeout": {"pool": self._dialler.remaining()}},
        ) as answer:
            return Response(
                status=answer.status,
                headers=_headers(answer),
                body=self._body(answer, parts.netloc),
                header_list=tuple(_decoded(answer)),
            )

    def _body(self, answer: httpcore2.Response, netloc: str) -> bytes:
        body = bytearray()
        for chunk in answer.iter_stream():
            body += chunk
            if len(body) > self._max_body:
                raise OutboundError(
                    f"{netloc} answered with more than {self._max_body // 1024} KB",
                    code="outbound_too_large",
                )
        return bytes(body)


def _parse_url(url: str) -> SplitResult:
    """Take a URL apart. Raises `OutboundError` when it is not one that we call."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise OutboundError(f"not a URL: {url[:200]!r}", code="outbound_forbidden") from error
    if (
        parts.scheme not in _PORTS
        or not parts.hostname
        or port == 0
        or "@" in parts.netloc
        or not url.isascii()
        or not url.isprintable()
        or any(sign in url for sign in ' \\"<>')
    ):
        raise OutboundError(
            f"not a URL that may be called: {url[:200]!r}", code="outbound_forbidden"
        )
    return parts


def _tls(ca_file: Path | None) -> ssl.SSLContext:
    context = httpcore2.default_ssl_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca_file is not None:
        try:
            context.load_verify_locations(ca_file)
        except (OSError, ssl.SSLError) as error:
            raise InvalidConfiguration(
                f"cannot read certificate authorities from {ca_file}: {error}",
                path="outbound.ca_file",
            ) from error
    return context


def _decoded(answer: httpcore2.Response) -> list[tuple[str, str]]:
    return [
        (name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in answer.headers
    ]


def _headers(answer: httpcore2.Response) -> dict[str, str]:
    """The headers by name; where one is repeated, the first counts."""
    return dict(reversed(_decoded(answer)))
