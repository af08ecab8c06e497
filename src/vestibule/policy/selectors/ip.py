"""`ip` and `ip_list`: where the request comes from. The data plane tells the address."""

from __future__ import annotations

from vestibule.model.rules import ListKind
from vestibule.model.values import Json
from vestibule.policy.context import Context
from vestibule.policy.match import Match
from vestibule.policy.selectors.network import ranges, read_address, read_range
from vestibule.policy.selectors.selector import Body, Field, Finding, Selector, decided, text


def _judge(items: tuple[str, ...], context: Context) -> Finding:
    client = context.request.client_ip
    address = read_address(client)
    if address is None:
        return Finding(Match.UNKNOWN, client, "the client's address is not known")
    wanted = ranges(items)
    if address in wanted:
        return Finding(Match.YES, client)
    if wanted.unreadable:
        return Finding(Match.UNKNOWN, client, f"{wanted.unreadable[0]} is not a range")
    return decided(False, client)


def _judge_ip(body: Body, context: Context) -> Finding:
    return _judge((body["ip"],), context)


def _judge_list(body: Body, context: Context) -> Finding:
    values = context.lists.get(body["id"])
    if values is None or values.kind is not ListKind.IP:
        return Finding(Match.UNKNOWN, note="there is no such list of ranges", broken=True)
    return _judge(values.items, context)


def _range(value: Json) -> str:
    good = isinstance(value, str) and read_range(value) is not None
    return "" if good else "an IP address or a range such as 203.0.113.0/24"


def _elsewhere(_body: Body, context: Context) -> str:
    return (
        "Connect from a network that may open this application. "
        f"You came from {context.request.client_ip or 'an unknown address'}."
    )


def _barred(_body: Body, context: Context) -> str:
    return f"Your address {context.request.client_ip} is kept out of this application."


IP = Selector(
    name="ip",
    meaning="the client's address lies in {ip}",
    judge=_judge_ip,
    advice=_elsewhere,
    objection=_barred,
    fields=(Field("ip", _range),),
    continuous=True,
)

IP_LIST = Selector(
    name="ip_list",
    meaning="the client's address lies in a range of the list {id}",
    judge=_judge_list,
    advice=_elsewhere,
    objection=_barred,
    fields=(Field("id", text),),
    continuous=True,
)
