"""`python -m sample_applications`: serve the three applications in one process."""

from __future__ import annotations

import argparse
import asyncio
import json
import socket
import sys
from pathlib import Path

import uvicorn

from sample_applications.application import by_port
from sample_applications.configuration import Application, Configuration, read


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sample_applications", description=__doc__)
    parser.add_argument("--config", type=Path, help="JSON: see sample_applications.configuration")
    parser.add_argument(
        "--ready-file",
        "--ports-file",
        type=Path,
        help='written when ready: {"wiki": {"url", "port"}, ...}',
    )
    return parser.parse_args()


def _bind(application: Application) -> socket.socket:
    family = socket.AF_INET6 if ":" in application.host else socket.AF_INET
    return socket.create_server((application.host, application.port), family=family)


async def _serve(
    bound: dict[str, socket.socket], configuration: Configuration, ready: Path | None
) -> None:
    """Serve until a signal comes; tell the ports once all three answer."""
    ports = {name: int(sock.getsockname()[1]) for name, sock in bound.items()}
    app = by_port(configuration, ports)
    # One server for all sockets, because a process has one set of signal handlers.
    server = uvicorn.Server(
        uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=1)
    )
    serving = asyncio.create_task(server.serve(sockets=list(bound.values())))
    while not server.started and not serving.done():  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    if server.started:
        where = {
            name: {"url": f"http://{configuration.named()[name].host}:{port}", "port": port}
            for name, port in ports.items()
        }
        if ready is not None:
            partial = ready.with_name(ready.name + ".partial")
            partial.write_text(json.dumps(where) + "\n")
            partial.replace(ready)
        print(json.dumps(where), flush=True)
    await serving


def main() -> int:
    """Run the command and return its exit code."""
    arguments = _arguments()
    try:
        configuration = read(arguments.config)
    except (OSError, ValueError) as error:
        print(f"{arguments.config}: {error}", file=sys.stderr)
        return 2
    bound = {name: _bind(one) for name, one in configuration.named().items()}
    asyncio.run(_serve(bound, configuration, arguments.ready_file))
    return 0


if __name__ == "__main__":
    sys.exit(main())
