"""Every sentence is there in every language, with the same blanks to fill."""

from __future__ import annotations

import re
from collections import Counter
from importlib import resources

import pytest
from jinja2.ext import babel_extract

from tests.web.pages.samples import FULL, PLAIN
from vestibule.web.pages import render
from vestibule.web.pages.locales import TRANSLATED, catalogue, negotiate
from vestibule.web.pages.sentences import KNOWN
from vestibule.web.pages.views import DeniedPage, LoginPage, MessagePage

BLANK = re.compile(r"%\(\w+\)s|\{\w+\}")


def sentences() -> set[str]:
    found = set(KNOWN)
    for template in resources.files("vestibule.web.pages").joinpath("templates").iterdir():
        with template.open("rb") as lines:
            for _, _, message, _ in babel_extract(lines, ["_", "gettext"], [], {}):
                found.add(message[0] if isinstance(message, tuple) else message)
    return found


def translated(language: str) -> dict[str, str]:
    return {str(m.id): str(m.string) for m in catalogue(language) if m.id}


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_sentence_is_translated_and_none_is_left_over(language: str) -> None:
    there = translated(language)
    assert sentences() == set(there)
    assert [sentence for sentence, translation in there.items() if not translation.strip()] == []
    assert not [message.id for message in catalogue(language) if message.id and message.fuzzy]


@pytest.mark.parametrize("language", TRANSLATED)
def test_blanks_are_the_same_in_every_language(language: str) -> None:
    for sentence, translation in translated(language).items():
        assert Counter(BLANK.findall(sentence)) == Counter(BLANK.findall(translation)), sentence
        assert "%" not in BLANK.sub("", translation)


@pytest.mark.parametrize("language", TRANSLATED)
@pytest.mark.parametrize("name", FULL)
def test_a_page_in_another_language_says_so(name: str, language: str) -> None:
    rendered = render(FULL[name], brand=PLAIN, accept_language=language)
    assert f'<html lang="{language}" dir="ltr">' in rendered.html
    assert rendered.headers["Content-Language"] == language
    assert rendered.html != render(FULL[name], brand=PLAIN).html


@pytest.mark.parametrize(
    ("header", "default", "expected"),
    [
        pytest.param("", "en", "en", id="nothing-wished"),
        pytest.param("", "fr", "fr", id="the-organization's-own"),
        pytest.param("de-AT,de;q=0.9", "en", "de", id="region"),
        pytest.param("ja, es;q=0.5, fr;q=0.7", "en", "fr", id="best-available"),
        pytest.param("ja", "de", "de", id="none-available"),
        pytest.param("de;q=0, es;q=0.1", "en", "es", id="refused"),
        pytest.param("ja, *;q=0.5", "fr", "fr", id="any"),
        pytest.param("en-GB;q=0.9, de;q=0.8", "fr", "en", id="english-wished"),
        pytest.param("de;q=NaN, fr;q=x, es;q=7", "en", "en", id="nonsense-qualities"),
        pytest.param("../../etc/passwd, \x00, ;;;", "xx", "en", id="nonsense"),
        pytest.param(",".join(["xx"] * 5000 + ["de"]), "en", "en", id="endless"),
        pytest.param("", "tlh", "en", id="unknown-default"),
        pytest.param("DE-de", "en", "de", id="case"),
    ],
)
def test_the_language_is_negotiated(header: str, default: str, expected: str) -> None:
    assert negotiate(header, default) == expected


def test_a_known_sentence_of_another_part_is_translated() -> None:
    page = DeniedPage("Payroll", "That account does not have access")
    html = render(page, brand=PLAIN, accept_language="de").html
    assert "Dieses Konto hat keinen Zugang" in html


@pytest.mark.parametrize("text", ["", "%s 100% %(x)s", "something of an operator's own"])
def test_an_unknown_sentence_is_shown_as_it_came(text: str) -> None:
    html = render(MessagePage(text, text), brand=PLAIN, accept_language="fr").html
    assert f"<h1><bdi>{text.replace(chr(39), '&#39;')}</bdi></h1>" in html


def test_a_name_keeps_its_place_in_the_sentence_of_each_language() -> None:
    page = LoginPage("<Wiki>", ())
    html = render(page, brand=PLAIN, accept_language="de").html
    assert "<h1>Bei <bdi>&lt;Wiki&gt;</bdi> anmelden</h1>" in html
