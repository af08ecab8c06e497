"""`python -m bench [--quick]`: what proving every request costs, beside plain Envoy.

Ratios are to the baseline of the same run; single numbers of a shared machine mean little.
"""

from __future__ import annotations

import sys
import time
import uuid

from bench.load import Seen, Target, available, interleaved
from bench.plain import PlainEnvoy
from tests.fakes.control_plane import deny
from tests.fakes.envoy import BareEnvoy
from tests.fakes.gateway import ISSUER, TEAM, application, now, signing_key
from vestibule.compiler.envoy.names import RECENT_REVOCATION_FILE
from vestibule.compiler.resources import recent_revocation_file
from vestibule.compiler.snapshot import Snapshot
from vestibule.model.application import Application, Origin
from vestibule.model.conditions import Clause, ContinuousPlan, InRanges
from vestibule.model.configuration import Configuration
from vestibule.model.machine import ForwardAuthClient
from vestibule.model.organization import Organization
from vestibule.model.values import Secret
from vestibule.tokens.keys import jwks
from vestibule.tokens.signing import sign

PLAN = ContinuousPlan(
    "version", (Clause("lan", InRanges(("127.0.0.0/8", "10.0.0.0/8"))),), ("policy",)
)


def snapshot(envoy: BareEnvoy, applications: int, revoked: int, origin: int) -> Snapshot:
    """That many applications, all before one origin, and that many revoked tokens."""
    apps = {f"app{n}": application(f"app{n}") for n in range(applications)}
    origins = {
        id: Origin(id, id, f"{id}.test", (f"http://127.0.0.1:{origin}",))
        for id in list(apps)[: min(applications, 500)]
    }
    client = ForwardAuthClient("bench", "bench", Secret("bench"))
    configuration = Configuration(
        1,
        Organization("o", "O", TEAM),
        applications=apps,
        origins=origins,
        forward_auth_clients={"bench": client},
    )
    ids = tuple(str(uuid.UUID(int=n)) for n in range(revoked))
    plans = dict.fromkeys(apps, PLAN)
    return Snapshot(configuration, envoy.edge, plans, jwks([signing_key()], now()), ids)


def token(app: Application, jti: str = "grant") -> str:
    """A token that Envoy accepts."""
    at = int(time.time())
    return sign(
        {
            "type": "app",
            "aud": [app.aud],
            "iss": ISSUER,
            "sub": "u",
            "email": "a@b.test",
            "iat": at,
            "nbf": at,
            "exp": at + 3600,
            "jti": jti,
            "policy_id": "policy",
            "policy_version": "version",
            "conditions": ["lan"],
        },
        signing_key(),
    )


def throughput(rounds: int, seconds: int, sizes: list[tuple[int, int]]) -> None:
    """Requests a second through the gateway and by forward auth, beside plain Envoy."""
    origin = PlainEnvoy()
    proxy = PlainEnvoy(origin.port)
    print("requests a second, and microseconds of Envoy's CPU for each")
    print(f"{'':>21} |        through the gateway          |            forward auth")
    print(
        f"{'applications':>12} {'revoked':>8} | {'plain':>13} {'gateway':>13} {'rate':>4} "
        f"{'CPU':>4} | {'plain':>13} {'asked':>13} {'rate':>4} {'CPU':>4} | loaded in"
    )
    try:
        for applications, revoked in sizes:
            envoy = BareEnvoy(forward_auth=True)
            envoy.control.check = deny
            try:
                began = time.monotonic()
                envoy.load(snapshot(envoy, applications, revoked, origin.port))
                loaded = time.monotonic() - began
                cookie = {"Cookie": f"CF_Authorization={token(application('app1'))}"}
                asked = {
                    **cookie,
                    "X-Vestibule-Secret": "bench",
                    "X-Forwarded-For": "127.0.0.1",
                    "X-Forwarded-Proto": "http",
                    "Host": "app1.test",
                }
                listener = envoy.edge.forward_auth
                assert listener is not None
                seen = interleaved(
                    [
                        Target("plain", proxy.pid, proxy.port, headers=cookie),
                        Target(
                            "gateway",
                            envoy.pid,
                            envoy.port,
                            headers={**cookie, "Host": "app1.test"},
                        ),
                        Target("direct", origin.pid, origin.port, headers=cookie),
                        Target(
                            "asked",
                            envoy.pid,
                            listener.port,
                            "/-/forward-auth/path/",
                            headers=asked,
                        ),
                    ],
                    rounds,
                    seconds,
                )
                print(
                    f"{applications:>12} {revoked:>8} | {_pair(seen['plain'], seen['gateway'])} "
                    f"| {_pair(seen['direct'], seen['asked'])} | {loaded:.1f} s",
                    flush=True,
                )
            finally:
                envoy.stop()
    finally:
        proxy.stop()
        origin.stop()


def _pair(plain: Seen, ours: Seen) -> str:
    """Both, and the ratios: of the rate (less is slower) and of the CPU (more is dearer)."""
    return (
        f"{plain.rate:>6.0f} {plain.cpu:>4.0f} us {ours.rate:>6.0f} {ours.cpu:>4.0f} us "
        f"{ours.rate / plain.rate:>4.2f} {ours.cpu / plain.cpu:>4.2f}"
    )


def revocation() -> None:
    """Milliseconds from the rename of the short revocation list to the first refusal."""
    print("\nrevocation takes effect after")
    for held in (0, 1_000, 20_000):
        envoy = BareEnvoy()
        envoy.control.check = deny
        try:
            envoy.load(snapshot(envoy, 10, held, 9))
            took = [_revoke(envoy, f"r{n}") for n in range(5)]
            print(f"{held:>8} revoked already: {min(took):7.1f} to {max(took):7.1f} ms")
        finally:
            envoy.stop()


def _revoke(envoy: BareEnvoy, grant: str) -> float:
    headers = {
        "Host": "app1.test",
        "Cookie": f"CF_Authorization={token(application('app1'), grant)}",
    }
    connection = envoy.connect()

    def refused() -> bool:
        connection.request("GET", "/", headers=headers)
        answer = connection.getresponse()
        answer.read()
        return bool(envoy.control.asked)

    refused()
    envoy.control.asked.clear()
    file = recent_revocation_file([grant])
    began = time.monotonic()
    envoy.files.write(RECENT_REVOCATION_FILE, file)
    while not refused():
        pass
    took = time.monotonic() - began
    envoy.control.asked.clear()
    connection.close()
    return took * 1000


def main() -> None:
    """Run all of it."""
    if not available():
        sys.exit("wrk is needed (apt install wrk)")
    quick = "--quick" in sys.argv
    sizes = [(10, 0), (10, 20_000), (10_000, 0), (10_000, 20_000)]
    throughput(1 if quick else 3, 1 if quick else 3, sizes)
    revocation()


if __name__ == "__main__":
    main()
