"""What the console's own files promise: contrast in both themes, and how much is sent."""

from __future__ import annotations

import re
from functools import cache
from itertools import product
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from django.test import Client
from django.urls import reverse

from controlplane import approvals, console
from tests.console.conftest import ON_ONE_WORKER
from tests.kit import no_pages

STATIC = Path(console.__file__).parent / "static" / "console"
DESK = Path(approvals.__file__).parent / "static" / "desk" / "desk.css"
TOKENS = (STATIC / "tokens.css").read_text()
PAIR = re.compile(r"--([a-z0-9-]+):\s*light-dark\((#[0-9a-f]{6}),\s*(#[0-9a-f]{6})\);")
COLOURS = {name: {"light": light, "dark": dark} for name, light, dark in PAIR.findall(TOKENS)}
THEMES = ("light", "dark")
GROUNDS = ("ground", "surface", "raised", "sunken", "hover")
# Text on the grounds it stands on; marks need less.
TEXT = [
    *product(("ink", "quiet", "accent", "good", "warn", "bad", "agent"), GROUNDS),
    *((name, f"{name}-soft") for name in ("accent", "good", "warn", "bad", "agent")),
    *(("ink", f"{name}-soft") for name in ("accent", "good", "warn", "bad", "agent")),
    ("on-accent", "accent"),
    ("on-bad", "bad-fill"),
]
MARKS = [
    *product([f"series-{n}" for n in range(1, 9)], ("surface", "raised")),
    *product(("line-strong", "accent"), ("ground", "surface", "raised")),
]


def light(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    r, g, b = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(one: str, other: str, theme: str) -> float:
    high, low = sorted((light(COLOURS[name][theme]) for name in (one, other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", THEMES)
def test_text__readable_on_what_it_stands_on(theme: str) -> None:
    faint = {pair: round(contrast(*pair, theme), 2) for pair in TEXT}
    assert not {pair: ratio for pair, ratio in faint.items() if ratio < 4.5}


@pytest.mark.parametrize("theme", THEMES)
def test_marks__told_from_the_ground(theme: str) -> None:
    faint = {pair: round(contrast(*pair, theme), 2) for pair in MARKS}
    assert not {pair: ratio for pair, ratio in faint.items() if ratio < 3}


def test_colours__only_from_the_tokens() -> None:
    """A colour written elsewhere has no other theme."""
    # Shades that let the ground through darken either theme.
    bare = re.compile(r"(?<![\w-])(?:#(?:[0-9a-f]{3}){1,2}\b(?![^;{]*\{)|rgb\()", re.IGNORECASE)
    found = {
        path.name: bare.findall(text)
        for path in STATIC.glob("*.css")
        if path.name != "tokens.css" and (text := _without_comments(path))
    }
    assert not {name: colours for name, colours in found.items() if colours}


def _without_comments(path: Path) -> str:
    return re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.DOTALL)


LOADED = re.compile(r'(?:href|src)="/static/([^"]+\.(?:css|js))"')


def weight(page: str) -> int:
    """As they are, not as they are packed for the way."""
    return sum(size(name) for name in set(LOADED.findall(page)))


@cache
def size(name: str) -> int:
    return Path(str(finders.find(name))).stat().st_size


def sheets() -> dict[str, set[str]]:
    """The sheets of ours, each with the classes it draws by themselves."""
    return {
        f"{path.parent.name}/{path.name}": set(ALONE.findall(_without_comments(path)))
        for path in (*STATIC.glob("*.css"), DESK)
    }


ALONE = re.compile(r"(?:^|[,}])\s*\.([a-zA-Z][\w-]*)(?=\s*[,{])", re.MULTILINE)
WORN = re.compile(r'class="([^"]+)"')


def undressed(page: str, drawn: dict[str, set[str]]) -> set[str]:
    """Classes on a page that only a sheet draws which the page leaves out. The desk has a sheet of
    its own, with names of its own."""
    if f"desk/{DESK.name}" not in page:
        drawn = {name: worn for name, worn in drawn.items() if not name.startswith("desk/")}
    loaded = set().union(*(drawn.get(name, set()) for name in LOADED.findall(page)))
    worn = {name for names in WORN.findall(page) for name in names.split()}
    return worn & (set().union(*drawn.values()) - loaded)


@pytest.mark.slow
@ON_ONE_WORKER
def test_every_page__loads_what_draws_it_and_under_ninety_five_kilobytes(
    every_page: dict[str, str],
) -> None:
    drawn, heavy, bare = sheets(), {}, {}
    for url, page in every_page.items():
        assert "console/tokens.css" in page, url
        most = 95 if "console/charts.css" in page else 85
        if (bytes_ := weight(page)) > most * 1024:
            heavy[url] = bytes_
        if missing := undressed(page, drawn):
            bare[url] = missing
    assert not heavy, heavy
    assert not bare, bare


def test_signed_out__loads_no_more(db: None) -> None:
    for name in no_pages.SIGNED_OUT:
        page = Client().get(reverse(name), follow=True).content.decode()
        assert 0 < weight(page) <= 85 * 1024
        assert not undressed(page, sheets())
