"""`python -m simulated_okta`: serve a simulated organisation on this machine."""

from __future__ import annotations

import argparse
import asyncio
import json
import socket
import sys
from pathlib import Path

import uvicorn

from simulated_okta.app import create_app
from simulated_okta.configuration import Configuration, read
from simulated_okta.demo_world import demo_world
from simulated_okta.factors import Engine
from simulated_okta.simulator import roster


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m simulated_okta",
        description="Serve a simulated Okta organisation. It is not Okta's software.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=0, help="0 takes any free port")
    parser.add_argument("--config", type=Path, help="JSON file; without it, the demo's people")
    parser.add_argument(
        "--ready-file", type=Path, help='written when ready: {"url", "port", "people"}'
    )
    parser.add_argument("--no-hints", action="store_true", help="show no passwords and codes")
    parser.add_argument("--identity-engine", action="store_true", help="instead of Classic")
    return parser.parse_args()


def _configuration(arguments: argparse.Namespace) -> Configuration:
    if arguments.config is None:
        world = demo_world(client_id="demo", client_secret="demo-secret", redirect_uris=())
        return Configuration(world, hints=not arguments.no_hints)
    read_from_file = read(arguments.config)
    if arguments.no_hints:
        return Configuration(read_from_file.world, read_from_file.control_token, hints=False)
    return read_from_file


def _url(bound: socket.socket, configured: str) -> str:
    host, port = bound.getsockname()[:2]
    return configured or f"http://{f'[{host}]' if ':' in host else host}:{port}"


async def _serve(bound: socket.socket, configuration: Configuration, ready: Path | None) -> None:
    """Serve until a signal comes; tell the address once it answers."""
    world = configuration.world
    port = bound.getsockname()[1]
    # So that a file written before the port is known can still name the issuer.
    world.org_url = world.org_url.replace("{port}", str(port))
    app = create_app(world, control_token=configuration.control_token, hints=configuration.hints)
    server = uvicorn.Server(
        uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=2)
    )
    serving = asyncio.create_task(server.serve(sockets=[bound]))
    while not server.started and not serving.done():  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    if server.started:
        url = _url(bound, world.org_url)
        if ready is not None:
            partial = ready.with_name(ready.name + ".partial")
            told = {"url": url, "port": port, "people": roster(app.state.simulation)}
            partial.write_text(json.dumps(told) + "\n")
            partial.replace(ready)
        print(url, flush=True)
    await serving


def main() -> int:
    """Run the command and return its exit code."""
    arguments = _arguments()
    try:
        configuration = _configuration(arguments)
    except (OSError, ValueError) as error:
        print(f"{arguments.config}: {error}", file=sys.stderr)
        return 2
    if arguments.identity_engine:
        configuration.world.engine = Engine.IDENTITY
    family = socket.AF_INET6 if ":" in arguments.host else socket.AF_INET
    bound = socket.create_server((arguments.host, arguments.port), family=family)
    with bound:
        asyncio.run(_serve(bound, configuration, arguments.ready_file))
    return 0


if __name__ == "__main__":
    sys.exit(main())
