"""The command: port 0, the ready file, real sockets, and keys fetched from a team domain."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx2
import pytest
from websockets.sync.client import connect

from sample_applications.configuration import read
from tests.sample_applications.conftest import AUDIENCE, TEAM, PublishedKeys, Team

COMMAND = [sys.executable, "-m", "sample_applications"]


def serve_keys(published: PublishedKeys) -> ThreadingHTTPServer:
    """Publish the key as a team domain does, under a name that only `Host` carries."""
    document = json.dumps({"keys": [published.key.as_dict(private=False)]}).encode()

    class Certs(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            good = self.headers["host"].startswith("team.localhost:")
            self.send_response(200 if good else 404)
            self.end_headers()
            self.wfile.write(document)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Certs)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


@pytest.mark.parametrize(
    "team_domain",
    [
        pytest.param({"certs_url": "http://team.localhost:{port}/certs"}, id="by-name"),
        pytest.param(
            {
                "certs_url": "http://127.0.0.1:{port}/certs",
                "team_url": "http://team.localhost:{port}",
            },
            id="by-address",
        ),
    ],
)
def test_three_applications_in_one_process(
    published: PublishedKeys, tmp_path: Path, team_domain: dict[str, str]
) -> None:
    keys = serve_keys(published)
    told = {name: url.format(port=keys.server_port) for name, url in team_domain.items()} | {
        "issuer": TEAM,
        "applications": {"wiki": {"audience": AUDIENCE}, "payroll": {"audience": AUDIENCE}},
    }
    config, ready = tmp_path / "apps.json", tmp_path / "ready.json"
    config.write_text(json.dumps(told))
    process = subprocess.Popen(
        [*COMMAND, "--config", str(config), "--ready-file", str(ready)],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        where = json.loads(process.stdout.readline())
        assert json.loads(ready.read_text()) == where
        assert len({one["port"] for one in where.values()}) == 3
        headers = Team(published, {}).headers()
        for name in ("wiki", "payroll"):
            answer = httpx2.get(where[name]["url"], headers=headers)
            assert answer.status_code == 200
            assert f"<title>{name.capitalize()}</title>" in answer.text
        assert "<h1>Echo</h1>" in httpx2.get(where["echo"]["url"]).text
        with connect(f"ws://127.0.0.1:{where['echo']['port']}/ws") as socket:
            socket.send("over the wire")
            assert socket.recv() == "over the wire"
    finally:
        process.terminate()
        process.wait(10)
        keys.shutdown()
        keys.server_close()


def test_the_environment_fills_what_the_file_leaves_out(tmp_path: Path) -> None:
    path = tmp_path / "apps.json"
    path.write_text(json.dumps({"applications": {"wiki": {"issuer": "https://a.test"}}}))
    variables = {"SAMPLE_ISSUER": "https://b.test", "SAMPLE_WIKI_AUDIENCE": "tag"}
    found = read(path, variables).named()
    assert (found["wiki"].issuer, found["wiki"].audience) == ("https://a.test", "tag")
    assert (found["payroll"].issuer, found["payroll"].audience) == ("https://b.test", "")


@pytest.mark.parametrize("document", [{"wiki": {}}, {"applications": {"forum": {}}}])
def test_an_unknown_member_is_refused(tmp_path: Path, document: dict[str, object]) -> None:
    path = tmp_path / "apps.json"
    path.write_text(json.dumps(document))
    with pytest.raises(ValueError, match=r"wiki|forum"):
        read(path, {})
