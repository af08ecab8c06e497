"""The template environment of each language, and the few filters that templates use."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache, partial
from typing import Any, Final
from urllib.parse import urlsplit

from babel.dates import format_datetime
from babel.units import format_unit
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from vestibule.web.pages import marks
from vestibule.web.pages.brand import https_origin
from vestibule.web.pages.locales import AVAILABLE, Speech, speech
from vestibule.web.pages.static import asset_url, brand_url

_LONGEST_NAME: Final = 120  # of a name inside a sentence; applications' names may have 350
_DURATION = re.compile(r"(\d{1,4})([mh])")
# Embeddings, overrides and isolates turn the text after them around, control characters have
# no business in a page, and lone surrogates cannot be sent; marks that a script needs (ZWJ,
# RLM) stay.
_INVISIBLE: Final[Mapping[int, None]] = dict.fromkeys(
    (
        *range(9),
        *(11, 12),
        *range(14, 32),
        127,
        *range(0x202A, 0x202F),
        *range(0x2066, 0x206A),
        *range(0xD800, 0xE000),
    )
)


@lru_cache(maxsize=len(AVAILABLE))
def environment(tag: str) -> Environment:
    """The templates in one language; everything that they print is escaped."""
    language = speech(tag)
    made = Environment(
        loader=PackageLoader("vestibule.web.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=visible,
        extensions=["jinja2.ext.i18n"],
    )
    filters: dict[str, Any] = {
        "href": safe_href,
        "image": safe_image,
        "name": short_name,
        "bdi": isolated,
        "known": language.translations.gettext,
        "duration": partial(duration, language=language),
        "moment": partial(moment, language=language),
        "contact": contact_href,
        "provider_mark": marks.provider_mark,
        "monogram": marks.monogram,
        "tint": marks.tint,
    }
    names: dict[str, Any] = {"language": language, "asset": asset_url, "brand_url": brand_url}
    made.filters.update(filters)
    made.globals.update(names)
    _speak(made, language)
    return made


def _speak(made: Environment, language: Speech) -> None:
    """Give the templates `_()`, whose values are escaped as they are put in."""
    extension: Any = made
    # The i18n extension adds this method when it is loaded; no stub knows it.
    extension.install_gettext_translations(language.translations, newstyle=True)


def visible(value: Any) -> Any:
    """What a template prints, without the characters that only deceive."""
    return value.translate(_INVISIBLE) if isinstance(value, str) else value


def safe_href(url: str) -> str:
    """`url` where a link may lead there: http, https, mailto or this origin; else empty."""
    text = url.strip().translate(_INVISIBLE)
    try:
        scheme = urlsplit(text).scheme
    except ValueError:
        return ""
    if scheme in {"http", "https", "mailto"}:
        return text
    # `//host` and `/\host` name another origin without saying so.
    own = text.startswith(("/", "?")) and not text.startswith(("//", "/\\"))
    return text if own and not scheme else ""


def safe_image(url: str) -> str:
    """`url` where an image may come from: https or this origin; else empty."""
    if https_origin(url) is not None:
        return url
    return url if url.startswith("/") and safe_href(url) else ""


def short_name(text: str) -> str:
    """A name cut to a length that leaves the sentence around it readable."""
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST_NAME else text[: _LONGEST_NAME - 1].rstrip() + "…"


def isolated(text: str) -> Markup:
    """A name, cut, for the middle of a sentence: its direction does not touch the rest."""
    return Markup("<bdi>{}</bdi>").format(short_name(text))


def contact_href(contact: str) -> str:
    """Where the support contact leads: its URL, a mail to it; empty when it is only text."""
    text = contact.strip()
    if re.fullmatch(r"[^@\s<>\"?&]+@[^@\s<>\"?&]+", text):
        return f"mailto:{text}"
    return safe_href(text) if "://" in text or text.startswith("mailto:") else ""


def duration(text: str, language: Speech) -> str:
    """`15m` or `8h` in the visitor's words; other text as it is."""
    found = _DURATION.fullmatch(text)
    if found is None:
        return text
    unit = "duration-minute" if found[2] == "m" else "duration-hour"
    return format_unit(int(found[1]), unit, length="long", locale=language.locale)


def moment(text: str, language: Speech) -> str:
    """A `<time>` for an ISO 8601 moment with its offset, in UTC; other text as it is."""
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        return text
    if when.tzinfo is None:
        return text
    when = when.astimezone(UTC)
    written = format_datetime(when, "medium", locale=language.locale)
    return Markup('<time datetime="{}">{} UTC</time>').format(when.isoformat(), written)
