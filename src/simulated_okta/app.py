"""The simulated organisation as an ASGI application."""

from __future__ import annotations

import time

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware

from simulated_okta import (
    authorize,
    discovery,
    login_pages,
    logout,
    management,
    simulator,
    token,
)
from simulated_okta.errors import BearerError, OAuthError, OktaError, answer, not_found
from simulated_okta.gate import Gate
from simulated_okta.keys import Mint, mint
from simulated_okta.sign_in import SignInFlow
from simulated_okta.simulation import Clock, Simulation
from simulated_okta.world import World


def create_app(
    world: World,
    *,
    clock: Clock = time.time,
    control_token: str = "",
    hints: bool = True,
    make_key: Mint = mint,
) -> Starlette:
    """Return the organisation `world`, ready to serve.

    `control_token` protects `/simulator/`, which is open without one; `hints` shows the
    passwords and codes of its made-up people. Its state is `app.state.simulation`.
    """
    simulation = Simulation(world, clock=clock, hints=hints, make=make_key)
    flow = SignInFlow(simulation)
    app = Starlette(
        routes=[
            *discovery.routes(simulation),
            *authorize.routes(simulation, flow),
            *token.routes(simulation),
            *logout.routes(simulation),
            *management.routes(simulation),
            *simulator.routes(simulation, control_token),
            *login_pages.routes(simulation, flow),
        ],
        middleware=[Middleware(Gate, simulation=simulation)],
        exception_handlers={
            OktaError: answer,
            OAuthError: answer,
            BearerError: answer,
            HTTPException: not_found,
        },
    )
    app.state.simulation = simulation
    return app
