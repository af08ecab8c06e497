"""The how-to pages' blocks, which are what the tests run."""

from __future__ import annotations

import re
from pathlib import Path

HOW_TO = Path(__file__).parents[2] / "docs" / "how-to"
_BLOCK = re.compile(r"^```(\w+)\n(?:#|--) ([^\n]+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: str) -> dict[str, str]:
    """The blocks of docs/how-to/PAGE.md by the file that their first line names."""
    text = (HOW_TO / f"{page}.md").read_text()
    return {title: body for _, title, body in _BLOCK.findall(text)}


def filled(text: str, values: dict[str, str]) -> str:
    """`text` with each sample value replaced by this test's; each must occur in it."""
    for sample, value in values.items():
        assert sample in text, f"the page no longer says {sample!r}"
        text = text.replace(sample, value)
    return text
