"""OIDC logout (RP-Initiated Logout 1.0): ends the session and returns where it may."""

from __future__ import annotations

from urllib.parse import urlencode

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from simulated_okta import pages
from simulated_okta.simulation import Simulation
from simulated_okta.world import Client

_TITLE = "400 - Bad Request"


def routes(simulation: Simulation) -> list[Route]:
    """Return `/logout` of every server."""

    def client_of(request: Request, hint: str) -> Client | None:
        """Return the application that the ID token was issued to; its expiry does not matter."""
        server = str(request.path_params.get("server", ""))
        try:
            keys = KeySet.import_key_set({"keys": simulation.ring(server).public()})
            claims = jwt.decode(hint, keys, algorithms=["RS256"]).claims
        except (JoseError, ValueError):
            return None
        return simulation.world.client(str(claims.get("aud", "")))

    async def logout(request: Request) -> Response:
        form = await request.form() if request.method == "POST" else request.query_params
        sent = {name: value for name, value in form.items() if isinstance(value, str)}
        client = simulation.world.client(sent.get("client_id", ""))
        if hint := sent.get("id_token_hint", ""):
            client = client_of(request, hint)
            if client is None:
                return pages.error(400, _TITLE, "The id token is invalid.")
        target = sent.get("post_logout_redirect_uri", "")
        if target and (client is None or target not in client.post_logout_redirect_uris):
            text = (
                "The 'post_logout_redirect_uri' parameter must be a Logout redirect URI in the "
                "client app settings."
            )
            return pages.error(400, _TITLE, text)
        simulation.sessions.pop(request.cookies.get("sid", ""), None)
        state = sent.get("state", "")
        query = ("&" if "?" in target else "?") + urlencode({"state": state}) if state else ""
        response = RedirectResponse(target + query if target else "/", status_code=302)
        response.delete_cookie("sid")
        return response

    methods = ["GET", "POST"]
    return [
        Route("/oauth2/v1/logout", logout, methods=methods),
        Route("/oauth2/{server}/v1/logout", logout, methods=methods),
    ]
