"""Every pair of colours the kit puts together can be read in both themes."""

from __future__ import annotations

import re
from itertools import product

import pytest

from tests.kit.source import ROOT

STATIC = ROOT / "controlplane/console/static/console"
SERIES = [f"series-{n}" for n in range(1, 9)]

# (text, ground): 4.5:1.
TEXTS = [
    ("on-bad", "bad-fill"),  # SEV-1, production
    ("surface", "warn"),  # SEV-2
    ("accent", "accent-soft"),  # SEV-3, folded lines
    ("quiet", "sunken"),  # SEV-4, redacted
    ("agent", "agent-soft"),
    ("on-accent", "accent"),
    *product(["good", "warn", "bad", "accent", "quiet", "ink"], ["surface", "ground"]),
    *((tone, f"{tone}-soft") for tone in ("good", "warn", "bad")),
    *product(["ink"], ["good-soft", "warn-soft", "bad-soft", "accent-soft", "sunken"]),
    *product(["quiet"], ["good-soft", "bad-soft", "hover"]),  # line numbers
    # Highlighted values on the ground of what was added or removed.
    *product(["accent", "good", "warn", "agent"], ["surface", "good-soft", "bad-soft"]),
    *product(["surface"], SERIES),  # initials
]
# (mark, ground): 3:1.
MARKS = [*product(["line-strong", "good", "warn", "bad", "accent"], ["surface", "ground"])]


def themes() -> dict[str, tuple[str, str]]:
    css = (STATIC / "tokens.css").read_text()
    found = re.findall(r"--([\w-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)", css)
    return {name: (light, dark) for name, light, dark in found}


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("pairs", "least"), [(TEXTS, 4.5), (MARKS, 3.0)], ids=["texts", "marks"])
def test_pairs__can_be_read(pairs: list[tuple[str, str]], least: float, theme: int) -> None:
    colours = themes()
    weak = {
        (front, ground): round(contrast(colours[front][theme], colours[ground][theme]), 2)
        for front, ground in pairs
    }
    assert {pair: ratio for pair, ratio in weak.items() if ratio < least} == {}


def test_styles__name_variables_that_exist() -> None:
    css = "".join(path.read_text() for path in STATIC.glob("*.css"))
    own = set(re.findall(r"--([\w-]+):", css))
    known = set(re.findall(r"--([\w-]+):", (STATIC / "tokens.css").read_text()))
    assert set(re.findall(r"var\(--([\w-]+)\)", css)) <= own | known
