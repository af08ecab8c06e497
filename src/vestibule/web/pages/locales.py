"""Which language a page speaks, and its catalogue, read from the `.po` file at run time.

The message ids are the English sentences, so English needs no catalogue. A sentence that a
catalogue lacks is shown in English.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from gettext import NullTranslations
from importlib import resources

from babel import Locale, UnknownLocaleError
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

SOURCE = "en"
TRANSLATED = ("de", "es", "fr")
AVAILABLE = (SOURCE, *TRANSLATED)
_CONSIDERED = 20  # ranges of an Accept-Language header; nobody speaks more


@dataclass(frozen=True, slots=True)
class Speech:
    """A language that pages can be shown in: its tag, its direction, its sentences."""

    tag: str
    direction: str
    locale: Locale
    translations: NullTranslations


def negotiate(accept_language: str, default: str) -> str:
    """The available language that a visitor likes best (RFC 9110, 12.5.4), else `default`.

    `de-AT` is served `de`. A range with `q=0` is never served; nonsense is skipped. A
    `default` that is not available counts as English.
    """
    wanted = _ranges(accept_language)
    fallback = _available(default) or SOURCE
    for tag, quality in wanted:
        if quality == 0:
            continue
        if tag == "*":
            return fallback
        if (found := _available(tag)) is not None:
            return found
    return fallback


def speech(tag: str) -> Speech:
    """The `Speech` of an available language."""
    return _speech(tag if tag in AVAILABLE else SOURCE)


@lru_cache(maxsize=len(AVAILABLE))
def _speech(tag: str) -> Speech:
    locale = Locale.parse(tag)
    sentences = CatalogTranslations(catalogue(tag)) if tag != SOURCE else NullTranslations()
    return Speech(tag, locale.text_direction, locale, sentences)


@lru_cache(maxsize=len(TRANSLATED))
def catalogue(tag: str) -> Catalog:
    """The catalogue of a translated language; raises FileNotFoundError for another."""
    source = resources.files("vestibule.web.pages").joinpath("translations", f"{tag}.po")
    with source.open("rb") as lines:
        return read_po(lines, locale=tag)


class CatalogTranslations(NullTranslations):
    """A Babel catalogue in the shape that Jinja asks its sentences of."""

    def __init__(self, catalog: Catalog) -> None:
        super().__init__()
        self._sentences: Mapping[str, str] = {
            message.id: message.string
            for message in catalog
            if isinstance(message.id, str) and isinstance(message.string, str) and message.string
        }

    def gettext(self, message: str) -> str:
        # The empty id is the catalogue's own header.
        return self._sentences.get(message, message) if message else ""


def _available(tag: str) -> str | None:
    try:
        language = Locale.parse(tag.replace("-", "_")).language
    except (ValueError, TypeError, UnknownLocaleError):
        return None
    return language if language in AVAILABLE else None


def _ranges(header: str) -> list[tuple[str, float]]:
    ranges: list[tuple[str, float]] = []
    for part in header[:1000].split(",")[:_CONSIDERED]:
        tag, _, parameter = part.strip().partition(";")
        name, _, value = parameter.strip().partition("=")
        try:
            quality = float(value) if name.strip() == "q" else 1.0
        except ValueError:
            continue
        if tag.strip() and 0 <= quality <= 1:
            ranges.append((tag.strip(), quality))
    # sorted() is stable, so equal wishes keep the order in which they were written.
    return sorted(ranges, key=lambda pair: -pair[1])
