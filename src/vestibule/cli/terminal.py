"""`login`, `token`, `curl`: a person's terminal reaches a protected application.

The gateway says which application stands at a URL (access.md 12.2); the person signs in by
browser and hands the token over through the team domain, sealed to a key that this process
made (12.6). Tokens are kept where the vendor's client keeps them (12.3), so that both can
use them.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
import webbrowser
from base64 import b64decode, urlsafe_b64encode
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

import httpx2
import typer
from nacl.exceptions import CryptoError
from nacl.public import Box, PrivateKey, PublicKey

from vestibule.cli.exits import Exit
from vestibule.cli.options import JsonOption
from vestibule.cli.output import err, fail, out, plain, print_json
from vestibule.protocols.jose import KeySet, parse_key_set, verify_jws
from vestibule.protocols.jose.errors import TokenRejected

POLL = 60.0
GIVE_UP_AFTER = 600.0
UrlArgument = Annotated[str, typer.Argument(help="An address of the protected application.")]
ResolveOption = Annotated[
    str | None,
    typer.Option(help="Connect to this host:port instead of what the name resolves to."),
]
TeamOption = Annotated[
    str | None,
    typer.Option(help="The team domain to trust; by default the one that the application names."),
]


@dataclass(frozen=True, slots=True)
class Place:
    """An application as the gateway describes it."""

    url: str
    aud: str
    app_hostname: str
    auth_domain: str

    @property
    def token_file(self) -> Path:
        """Where its token is kept (access.md 12.3)."""
        name = self.app_hostname.replace("/", "-").replace("*", "-").replace(":", "-")
        return token_directory() / f"{name}-{self.aud}-token"


def token_directory() -> Path:
    """The directory of token files, made where it is missing."""
    directory = Path(os.environ.get("VESTIBULE_TOKENS") or Path.home() / ".cloudflared")
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    return directory


class Wire:
    """HTTP to the gateway; names under `localhost` reach this machine without a resolver."""

    def __init__(self, resolve: str | None) -> None:
        self._resolve = resolve

    def target(self, url: str) -> str | None:
        """The `host:port` to connect to for `url`; None for what its name resolves to."""
        parts = urlsplit(url)
        if self._resolve is None and (parts.hostname or "").endswith(".localhost"):
            return f"127.0.0.1:{parts.port or (443 if parts.scheme == 'https' else 80)}"
        return self._resolve

    def send(self, method: str, url: str, timeout: float = 10.0, **headers: str) -> httpx2.Response:
        """Send one request, following nothing; leaves with a message when there is no answer."""
        parts = urlsplit(url)
        target = self.target(url)
        address = url
        sent = {"Host": parts.netloc, **{k.replace("_", "-"): v for k, v in headers.items()}}
        extensions: dict[str, Any] = {}
        if target is not None:
            address = urlunsplit((parts.scheme, target, parts.path, parts.query, ""))
            extensions = {"sni_hostname": parts.hostname or ""}
        try:
            # A client for each request: no pooled connection is shared between names.
            with httpx2.Client(timeout=timeout, trust_env=target is None) as client:
                return client.request(method, address, headers=sent, extensions=extensions)
        except httpx2.TimeoutException:
            raise
        except httpx2.HTTPError as error:
            fail(f"cannot reach {parts.netloc}: {error}", Exit.UNAVAILABLE)


def discover(wire: Wire, url: str, team: str | None) -> Place:
    """Which application stands at `url`; its answer is verified with the team domain's keys."""
    parts = urlsplit(url)
    if parts.scheme not in ("https", "http") or not parts.hostname:
        fail(f"expected an http(s) address, found {url!r}", Exit.USAGE)
    answer = wire.send("HEAD", url, cf_access_metadata_request="true")
    raw = answer.headers.get("cf-access-metadata")
    if not raw:
        fail(f"no protected application answers at {url}")
    claimed = _unverified(raw)
    auth_domain = str(claimed.get("auth_domain", ""))
    if team is not None and auth_domain != team.partition(":")[0]:
        fail(f"the application names {auth_domain} as its team domain, not {team}", Exit.DENIED)
    if parts.port is not None and ":" not in auth_domain:
        # The claim is a bare host (access.md 12.2); the team domain shares the port.
        auth_domain += f":{parts.port}"
    keys = key_set(wire, parts.scheme, auth_domain)
    try:
        claims = verify_jws(raw, keys, algorithms=frozenset({"RS256"}))
    except TokenRejected as error:
        fail(f"the description of the application does not verify: {error}", Exit.DENIED)
    issued = claims.get("iat")
    fresh = isinstance(issued, int) and -300 <= time.time() - issued <= 86400
    named = str(claims.get("hostname", "")).lower() == parts.hostname
    aud = claims.get("aud")
    if claims.get("type") != "match" or not fresh or not named or not isinstance(aud, str):
        fail("the description of the application is not about this address", Exit.DENIED)
    return Place(url, aud, str(claims.get("app_hostname") or parts.hostname), auth_domain)


def _unverified(token: str) -> dict[str, Any]:
    """The claims of a token of ours before its signature is checked, or nothing."""
    try:
        body = token.split(".")[1]
        return dict(json.loads(b64decode(body + "=" * (-len(body) % 4), altchars=b"-_")))
    except (IndexError, ValueError, TypeError):
        return {}


def key_set(wire: Wire, scheme: str, auth_domain: str) -> KeySet:
    """The team domain's public keys."""
    answer = wire.send("GET", f"{scheme}://{auth_domain}/cdn-cgi/access/certs")
    if answer.status_code != 200:
        fail(f"{auth_domain} gave no keys (status {answer.status_code})", Exit.UNAVAILABLE)
    return parse_key_set(answer.json())


def stored_token(place: Place) -> str | None:
    """The token on disk, when it has not expired; an expired one is deleted."""
    if not place.token_file.exists():
        return None
    token = place.token_file.read_text().strip()
    claims = _unverified(token)
    audience = claims.get("aud")
    fits = place.aud in audience if isinstance(audience, list) else audience == place.aud
    if not fits or float(claims.get("exp", 0)) <= time.time():
        place.token_file.unlink()
        return None
    return token


def fetch_token(wire: Wire, place: Place, *, browser: bool) -> str:
    """Have a person sign in by browser, and receive the token. Leaves with a message if not."""
    key = PrivateKey.generate()
    public = urlsafe_b64encode(bytes(key.public_key)).decode()
    parts = urlsplit(place.url)
    query = urlencode(
        {
            "aud": place.aud,
            "edge_token_transfer": "true",
            "redirect_url": place.url,
            "send_org_token": "true",
            "token": public,
        }
    )
    page = f"{parts.scheme}://{parts.netloc}/cdn-cgi/access/cli?{query}"
    err.print("Sign in with your browser at:")
    err.print(plain(f"    {page}"))
    if browser:
        webbrowser.open(page)
    transfer = f"{parts.scheme}://{place.auth_domain}/transfer/{quote(public, safe='=')}"
    deadline = time.monotonic() + GIVE_UP_AFTER
    with err.status("Waiting for the sign-in..."):
        while time.monotonic() < deadline:
            try:
                answer = wire.send("GET", transfer, timeout=POLL)
            except httpx2.TimeoutException:
                continue
            if answer.status_code == 200 and answer.content:
                return _opened(key, answer)
            if answer.status_code >= 500:
                fail(f"the gateway said: {answer.text[:200]}", Exit.UNAVAILABLE)
            time.sleep(0.2)
    return fail("nobody signed in within ten minutes", Exit.DENIED)


def _opened(key: PrivateKey, answer: httpx2.Response) -> str:
    try:
        theirs = PublicKey(b64decode(answer.headers["service-public-key"], altchars=b"-_"))
        sealed = json.loads(Box(key, theirs).decrypt(b64decode(answer.content)))
        return str(sealed["app_token"])
    except (KeyError, ValueError, CryptoError):
        fail("what the gateway handed over cannot be opened", Exit.DENIED)


def keep(place: Place, token: str) -> None:
    """Write the token file, readable by its owner alone."""
    draft = place.token_file.with_suffix(".new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(token)
    draft.replace(place.token_file)


def signed_in(
    url: str, resolve: str | None, team: str | None, *, browser: bool
) -> tuple[Place, str]:
    """The application at `url` and a token for it, by browser where none is kept."""
    wire = Wire(resolve)
    try:
        place = discover(wire, url, team)
        token = stored_token(place)
        if token is None:
            token = fetch_token(wire, place, browser=browser)
            keep(place, token)
    except httpx2.TimeoutException:
        fail(f"{urlsplit(url).netloc} does not answer", Exit.UNAVAILABLE)
    return place, token


def login(
    url: UrlArgument,
    resolve: ResolveOption = None,
    team: TeamOption = None,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Only print the page.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Sign in to an application by browser and keep its token."""
    place, token = signed_in(url, resolve, team, browser=not no_browser)
    if as_json:
        print_json({"aud": place.aud, "token_file": str(place.token_file), "token": token})
        return
    out.print(plain(f"Signed in. The token is in {place.token_file}."))


def token(
    url: UrlArgument,
    resolve: ResolveOption = None,
    team: TeamOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print the kept token of an application; `vestibule login` gets one."""
    try:
        place = discover(Wire(resolve), url, team)
    except httpx2.TimeoutException:
        fail(f"{urlsplit(url).netloc} does not answer", Exit.UNAVAILABLE)
    kept = stored_token(place)
    if kept is None:
        fail(f"no token is kept: run `vestibule login {url}`", Exit.DENIED, as_json=as_json)
    if as_json:
        print_json({"aud": place.aud, "token": kept})
    else:
        typer.echo(kept)


def curl(
    url: UrlArgument,
    arguments: Annotated[
        list[str] | None, typer.Argument(help="Further arguments of curl, after --.")
    ] = None,
    resolve: ResolveOption = None,
    team: TeamOption = None,
) -> None:
    """Run curl against an application, signed in (`vestibule curl URL -- -v`)."""
    _, kept = signed_in(url, resolve, team, browser=True)
    target = Wire(resolve).target(url)
    where = ["--connect-to", f"::{target}", "--noproxy", "*"] if target else []
    # The token goes by a pipe: a command line can be read by everybody on the machine, and
    # standard input is curl's own.
    reading, writing = os.pipe()
    with os.fdopen(writing, "w") as stream:
        stream.write(f'header = "Cf-Access-Token: {kept}"\n')
    command = ["curl", "--config", f"/dev/fd/{reading}", *where, *(arguments or []), url]
    try:
        finished = subprocess.run(command, pass_fds=(reading,), check=False)
    except FileNotFoundError:
        fail("curl is not installed", Exit.UNAVAILABLE)
    finally:
        os.close(reading)
    raise typer.Exit(finished.returncode)
