"""The payroll: an application that one would rather protect well."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sample_applications.identity import Identity
from sample_applications.pages import Desk


@dataclass(frozen=True)
class Payslip:
    """What somebody made up earns, in whole units a month."""

    name: str
    department: str
    gross: int
    deductions: int

    @property
    def net(self) -> int:
        return self.gross - self.deductions


PAYSLIPS: Final = (
    Payslip("Alice Moreau", "Platform", 6800, 2310),
    Payslip("Bob Okafor", "Platform", 6100, 2015),
    Payslip("Carol Lindqvist", "Finance", 6400, 2140),
    Payslip("Erin Vasquez", "Programme office", 5900, 1930),
)


def create_app(desk: Desk) -> Starlette:
    """Return the payroll."""

    async def index(_: Request, identity: Identity) -> Response:
        total = sum(payslip.gross for payslip in PAYSLIPS)
        return desk.render("payroll.html", identity=identity, payslips=PAYSLIPS, total=total)

    return Starlette(
        routes=[
            *desk.routes(),
            Route("/", desk.protected(index)),
        ]
    )
