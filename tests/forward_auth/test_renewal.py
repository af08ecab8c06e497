"""A token that is renewed on the way reaches the browser through each proxy."""

from __future__ import annotations

import json
import time

import pytest
from ruamel.yaml import YAML

from tests.forward_auth.conftest import Front

pytestmark = [pytest.mark.browser, pytest.mark.envoy]


def test_a_policy_that_changes_renews_the_token_beside_the_applications_own_cookie(
    front: Front, cookie: str
) -> None:
    assert front.ask("wiki.localhost", cookie=cookie).all("set-cookie") == ["own=1; Path=/"]

    policies = YAML(typ="safe").load(front.demo.command("export"))["policies"]
    staff = next(policy for policy in policies if policy["name"] == "Staff")
    staff["include"].append({"email": {"email": f"{front.proxy.name}@example.com"}})
    document = front.demo.data / "policies.json"
    document.write_text(json.dumps({"version": 1, "policies": policies}))
    front.demo.command("apply", "-f", str(document), "--yes")

    since = time.monotonic()
    while True:
        answer = front.ask("wiki.localhost", cookie=cookie)
        assert answer.by_origin
        if len(answer.all("set-cookie")) > 1:
            break
        assert time.monotonic() - since < 10
    (renewed,) = [one for one in answer.all("set-cookie") if one.startswith("CF_Authorization=")]
    assert "own=1; Path=/" in answer.all("set-cookie")
    assert not any(name.lower().startswith("x-vestibule") for name, _ in answer.headers)

    # The new one is good by itself, and needs no renewing.
    sent = renewed.partition(";")[0]
    assert sent != cookie
    answer = front.ask("wiki.localhost", cookie=sent)
    assert answer.all("set-cookie") == ["own=1; Path=/"]
    assert front.origin.served[-1].all("cf-access-jwt-assertion") == [sent.partition("=")[2]]
