"""How an answer travels back to an application: query, fragment or a form (response modes)."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode, urlsplit, urlunsplit

from starlette.responses import RedirectResponse, Response

from simulated_okta.pages import form_post
from simulated_okta.simulation import AuthorizationRequest


def deliver(request: AuthorizationRequest, parameters: Mapping[str, str]) -> Response:
    """Return the response that carries `parameters` and the state to the redirect URI."""
    answer = {**parameters, "state": request.state} if request.state else dict(parameters)
    if request.response_mode == "form_post":
        return form_post(request.redirect_uri, answer)
    parts = urlsplit(request.redirect_uri)
    if request.response_mode == "fragment":
        target = parts._replace(fragment=urlencode(answer))
    else:
        query = "&".join(filter(None, (parts.query, urlencode(answer))))
        target = parts._replace(query=query)
    return RedirectResponse(
        urlunsplit(target), status_code=302, headers={"cache-control": "no-store"}
    )


def refuse(request: AuthorizationRequest, error: str, description: str) -> Response:
    """Return an error to the application (OIDC Core, 3.1.2.6)."""
    return deliver(request, {"error": error, "error_description": description})
