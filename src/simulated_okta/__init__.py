"""A simulated Okta organisation, for evaluation and tests. It is not Okta's software.

It follows Okta's documented behaviour: both kinds of authorization server, the sign-in, the
groups API with its paging and rate limits, error bodies, `amr` by engine and factor.
"""

from simulated_okta.app import create_app
from simulated_okta.demo_world import demo_world
from simulated_okta.factors import Engine, Factor
from simulated_okta.world import World

__all__ = ["Engine", "Factor", "World", "create_app", "demo_world"]
