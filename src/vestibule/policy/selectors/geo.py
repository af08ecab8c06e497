"""`geo`: the country of the client's address, as the data plane's database has it."""

from __future__ import annotations

from vestibule.model.values import Json
from vestibule.policy.context import Context
from vestibule.policy.match import Match
from vestibule.policy.selectors.selector import Body, Field, Finding, Selector, decided


def _judge(body: Body, context: Context) -> Finding:
    country = context.request.country
    if not country:
        return Finding(Match.UNKNOWN, note="the country of the client's address is not known")
    return decided(country.upper() == body["country_code"].upper(), country)


def _country(value: Json) -> str:
    # `T1` (the Tor network) is a code of the vendor's; ISO 3166-1 has letters only.
    good = isinstance(value, str) and len(value) == 2 and value.isascii() and value.isalnum()
    return "" if good and value[0].isalpha() else "a country code of two letters, such as PT"


def _elsewhere(_body: Body, context: Context) -> str:
    country = context.request.country
    if not country:
        return "The country that you connect from could not be determined."
    return f"This application cannot be opened from your country ({country})."


GEO = Selector(
    name="geo",
    meaning="the client's address is in {country_code}",
    judge=_judge,
    advice=_elsewhere,
    objection=_elsewhere,
    fields=(Field("country_code", _country),),
    continuous=True,
)
