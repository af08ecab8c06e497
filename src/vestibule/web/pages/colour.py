"""CSS colours as an operator may write them, and whether text on them can be read."""

from __future__ import annotations

import colorsys
import re
from dataclasses import dataclass

_HEX = re.compile(r"#([0-9a-f]{3}|[0-9a-f]{6})", re.IGNORECASE)
_RGB = re.compile(r"rgb\(\s*(\d{1,3})\s*[, ]\s*(\d{1,3})\s*[, ]\s*(\d{1,3})\s*\)", re.IGNORECASE)
_HSL = re.compile(
    r"hsl\(\s*(\d{1,3})(?:deg)?\s*[, ]\s*(\d{1,3})%\s*[, ]\s*(\d{1,3})%\s*\)", re.IGNORECASE
)
_NAMES = {
    "aqua": "00ffff",
    "black": "000000",
    "blue": "0000ff",
    "fuchsia": "ff00ff",
    "gray": "808080",
    "green": "008000",
    "grey": "808080",
    "lime": "00ff00",
    "maroon": "800000",
    "navy": "000080",
    "olive": "808000",
    "orange": "ffa500",
    "purple": "800080",
    "red": "ff0000",
    "silver": "c0c0c0",
    "teal": "008080",
    "white": "ffffff",
    "yellow": "ffff00",
}
READABLE = 4.5  # WCAG 2.2, 1.4.3


@dataclass(frozen=True, slots=True)
class Colour:
    """An opaque sRGB colour, each part 0..255."""

    red: int
    green: int
    blue: int

    def css(self) -> str:
        return f"#{self.red:02x}{self.green:02x}{self.blue:02x}"

    def luminance(self) -> float:
        """Relative luminance (WCAG 2.2, "relative luminance")."""
        red, green, blue = (_linear(part / 255) for part in (self.red, self.green, self.blue))
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def parse_colour(text: str) -> Colour | None:
    """The colour that `text` names; None for everything else, so nothing can be smuggled in.

    `#rgb`, `#rrggbb`, `rgb()`, `hsl()` with whole numbers, and CSS's basic names.
    """
    text = text.strip()
    if (name := _NAMES.get(text.lower())) is not None:
        text = f"#{name}"
    if found := _HEX.fullmatch(text):
        digits = found[1] if len(found[1]) == 6 else "".join(digit * 2 for digit in found[1])
        return Colour(*(int(digits[at : at + 2], 16) for at in (0, 2, 4)))
    if found := _RGB.fullmatch(text):
        return Colour(*(min(255, int(part)) for part in found.groups()))
    if found := _HSL.fullmatch(text):
        hue, saturation, lightness = (int(part) for part in found.groups())
        parts = colorsys.hls_to_rgb(
            hue % 360 / 360, min(100, lightness) / 100, min(100, saturation) / 100
        )
        return Colour(*(round(part * 255) for part in parts))
    return None


def contrast(one: Colour, other: Colour) -> float:
    """The contrast ratio, 1..21 (WCAG 2.2, "contrast ratio")."""
    darker, lighter = sorted((one.luminance(), other.luminance()))
    return (lighter + 0.05) / (darker + 0.05)


def readable_on(background: Colour, wish: Colour | None = None) -> Colour:
    """`wish` where it can be read on `background`, else black or white."""
    if wish is not None and contrast(wish, background) >= READABLE:
        return wish
    black, white = Colour(0, 0, 0), Colour(255, 255, 255)
    return max(black, white, key=lambda colour: contrast(colour, background))


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
