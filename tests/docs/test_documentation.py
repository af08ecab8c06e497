"""The documentation keeps its promises: links, commands, settings and documents are real."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from ruamel.yaml import YAML
from scripts import generate_reference
from scripts.reference_words import EXAMPLES

from vestibule.cli.main import COMMANDS
from vestibule.flows.configure import plan_changes
from vestibule.flows.document.read import read_document
from vestibule.model.configuration import Configuration
from vestibule.model.identity import IdentityProvider
from vestibule.model.organization import Organization
from vestibule.model.values import Secret
from vestibule.policy.selectors import SELECTORS, parse_rule
from vestibule.settings import read_settings

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    [*(ROOT / "docs").rglob("*.md"), *ROOT.glob("*.md")], key=lambda page: page.as_posix()
)
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<!\\)\[[^\]\[]*\]\(([^)\s]+)\)|(?:src|href)=\"([^\"]+)\"")
INLINE = re.compile(r"`(vestibule [^`]+)`")
PLACEHOLDER = re.compile(r"^[A-Z][A-Z|-]*$")


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def anchor(heading: str) -> str:
    """The fragment by which a heading is reached."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
    return re.sub(r"[^\w\- ]", "", text).strip().replace(" ", "-")


def anchors(page: Path) -> set[str]:
    text = BLOCK.sub("", page.read_text())
    return {anchor(heading) for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE)}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_somewhere(page: Path) -> None:
    lost: list[str] = []
    for found in LINK.finditer(BLOCK.sub("", page.read_text())):
        target, _, fragment = unquote(found[1] or found[2]).partition("#")
        if re.match(r"[a-z]+:", target):
            continue
        file = (page.parent / target).resolve() if target else page
        if not file.exists() or (fragment and fragment not in anchors(file)):
            lost.append(found[1] or found[2])
    assert lost == []


@pytest.mark.parametrize("name", generate_reference.pages())
def test_the_reference_is_what_the_code_says(name: str) -> None:
    committed = (ROOT / "docs" / "reference" / name).read_text()
    assert committed == generate_reference.pages()[name], (
        "run `.venv/bin/python -m scripts.generate_reference`"
    )


def command_lines() -> Iterator[tuple[Path, str]]:
    """Every `vestibule ...` that a page shows, in a block or within a sentence."""
    for page in PAGES:
        if page.parent.name == "reference":
            continue
        text = page.read_text()
        shown = [
            line.strip().removeprefix("$ ").replace("sudo -u vestibule ", "")
            for language, block in BLOCK.findall(text)
            if language in ("sh", "console", "")
            for line in block.replace("\\\n", " ").splitlines()
        ]
        shown += re.findall(r"^    (vestibule .+)$", text, re.MULTILINE)
        shown += INLINE.findall(re.sub(r"\s+", " ", BLOCK.sub("", text)))
        for line in shown:
            if re.match(r"(\S*/)?vestibule \S", line):
                yield page, line


@pytest.mark.parametrize(
    ("page", "line"),
    [pytest.param(page, line, id=f"{name_of(page)}: {line}") for page, line in command_lines()],
)
def test_every_command_shown_exists_with_its_options(page: Path, line: str) -> None:
    words = shlex.split(line.replace("...", "x"), comments=True)
    words = list(words[1 : words.index("|")] if "|" in words else words[1:])
    name = words.pop(0)
    if name.startswith("-") or PLACEHOLDER.match(name):
        return
    assert name in COMMANDS
    command = generate_reference.load_command(name)
    while words and hasattr(command, "commands") and words[0] in command.commands:
        command = command.commands[words.pop(0)]
    options = {opt for one in command.params for opt in (*one.opts, *one.secondary_opts)} | {
        "--help"
    }
    if "--" in words:
        words = words[: words.index("--")]
    unknown = [
        word for word in words if word.startswith("-") and word.partition("=")[0] not in options
    ]
    assert unknown == []


def yaml_blocks(mark: str) -> list[Any]:
    """The YAML blocks that begin with a comment saying what they are."""
    return [
        pytest.param(block, id=f"{name_of(page)}-{number}")
        for page in PAGES
        for number, (language, block) in enumerate(BLOCK.findall(page.read_text()))
        if language == "yaml" and block.startswith(f"# {mark}\n")
    ]


@pytest.mark.parametrize("block", yaml_blocks("settings"))
def test_settings_shown_are_read(
    block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("VESTIBULE_DATA_DIR", "VESTIBULE_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    file = tmp_path / "vestibule.yaml"
    file.write_text(block)
    assert read_settings(file)


class Counting:
    """Randomness that is none (`flows.ports.Entropy`)."""

    def __init__(self) -> None:
        self._next = 0

    def token(self, octets: int = 32) -> str:
        return self.hexadecimal(octets)

    def hexadecimal(self, octets: int = 32) -> str:
        self._next += 1
        return f"{self._next:0{octets * 2}x}"

    def uuid(self) -> str:
        self._next += 1
        return f"00000000-0000-4000-8000-{self._next:012x}"


class Then:
    """A clock that stands (`flows.ports.Clock`)."""

    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC)


def present() -> Configuration:
    """What the pages' fragments build on: an organisation, a provider, the usual names."""
    provider = IdentityProvider(
        "idp",
        "Okta",
        "okta",
        {"okta_account": "https://example.okta.com", "client_id": "0oa1example"},
        {"client_secret": Secret("secret")},
    )
    return Configuration(
        1,
        Organization("account", "Example", "team.example.com"),
        identity_providers={"idp": provider},
    )


@pytest.mark.parametrize("block", yaml_blocks("document"))
def test_documents_shown_can_be_applied(block: str) -> None:
    document = YAML(typ="safe").load(block)
    reading = read_document(
        document,
        present(),
        read_secret=lambda _value, _path: Secret("a-secret-of-32-characters-or-more-x"),
        entropy=Counting(),
        clock=Then(),
    )
    assert plan_changes(present(), reading.configuration).changes


def test_yaml_that_is_not_checked_says_so() -> None:
    """A YAML block is a document, settings, or names what else it is for."""
    unmarked = [
        f"{name_of(page)}: {block.splitlines()[0]}"
        for page in PAGES
        for language, block in BLOCK.findall(page.read_text())
        if language == "yaml" and not block.startswith("# ")
    ]
    assert unmarked == []


def test_every_selector_has_an_example_that_is_read() -> None:
    assert EXAMPLES.keys() == SELECTORS.keys()
    for name, example in EXAMPLES.items():
        assert parse_rule(YAML(typ="safe").load(example)).selector == name


def test_the_readme_begins_with_the_two_commands() -> None:
    lines = (ROOT / "README.md").read_text().splitlines()
    assert [line.split("#")[0].strip() for line in lines[2:4]] == ["make demo", "make test"]


def test_no_page_names_the_machine_that_it_was_written_on() -> None:
    for page in PAGES:
        text = page.read_text()
        assert str(ROOT) not in text
        assert f"{Path.home()}/" not in text
