"""Every page in a real browser: as it is drawn in both themes, on a desk and on a phone."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.test import Client, override_settings
from django.urls import reverse

from tests import make
from tests.kit import inhabited, no_pages, pages
from tests.kit.browser import MISSING, NARROW, WIDE, Browser

pytestmark = [pytest.mark.skipif(bool(MISSING), reason=MISSING), pytest.mark.slow]
LOOK = (Path(__file__).parents[1] / "kit" / "look.js").read_text()
# At each width: theme, whether menus are open, whether what no theme changes is asked too. The page
# is loaded once, for the server answers each of these with the same markup but for `data-theme`.
SIGHTS = {
    WIDE: (("light", False, False), ("dark", True, True)),
    NARROW: (("light", True, False), ("dark", False, False)),
}
FEW = 5
EACH = f"""
const look = function () {{ {LOOK} }};
return arguments[0].map(([theme, menus, whole]) => {{
  document.documentElement.dataset.theme = theme;
  for (const menu of document.querySelectorAll("details")) menu.open = menus;
  return look(whole);
}});
"""


def look(browser: Browser, path: str) -> list[str]:
    """Everything wrong with this page. It is loaded at the width where the last one ended: a change
    of width costs as much as a look."""
    browser.open(path)
    at = urlsplit(browser.path).path
    found = [] if at == urlsplit(path).path else [f"led to {at}"]
    for width in (browser.width, WIDE + NARROW - browser.width):
        browser.size(width)
        for (theme, *_), lines in zip(SIGHTS[width], browser.js(EACH, SIGHTS[width]), strict=True):
            found += [f"{width} px, {theme}: {line}" for line in lines]
    return found + browser.said()


def some(paths: Iterable[str]) -> list[str]:
    """Every list and row; of the forms, questions and histories, which are drawn alike, a part."""
    whole = list(paths)
    kept = [path for path in whole if path.endswith(("?view=all", "/change/"))]
    return kept + [path for path in whole if path not in set(kept)][::FEW]


def walk(browser: Browser, paths: Iterable[str]) -> None:
    wrong = {path: found for path in paths if (found := look(browser, path))}
    report = "\n".join(
        f"\n{path}\n  " + "\n  ".join(dict.fromkeys(lines)) for path, lines in wrong.items()
    )
    assert not wrong, f"{len(wrong)} pages:\n{report}"


@pytest.mark.parametrize("half", [0, 1])
def test_walk__lists_rows_forms_and_questions(browser: Browser, half: int) -> None:
    world = inhabited.settle()
    client = make.client(world.root)
    browser.sign_in(client)
    choose(client, world)
    walk(browser, some(pages.admin_pages(client, world, begin=half, step=2)))


# Without a second factor to confirm with, `access:confirm` would lead on to setting one up.
@override_settings(REQUIRE_SECOND_FACTOR=True)
def test_walk__the_consoles_own_pages(browser: Browser) -> None:
    world = inhabited.settle()
    client = make.client(world.root)
    browser.sign_in(client)
    choose(client, world)
    walk(browser, list(pages.own_pages(world)))


def test_walk__nobodys_pages(browser: Browser) -> None:
    walk(browser, [reverse(name) for name in no_pages.SIGNED_OUT])


def test_walk__an_empty_world(browser: Browser) -> None:
    """Nothing has happened yet, and this person may only look."""
    viewer = make.person(make.workspace(), "viewer")
    client = make.client(viewer)
    browser.sign_in(client)
    lists = [entry.get_attribute("href") for entry in opened(browser).all(".nav a")]
    walk(browser, [str(url).removeprefix(browser.base) for url in lists][::3])


def opened(browser: Browser) -> Browser:
    browser.open("/admin/")
    return browser


def choose(client: Client, world: inhabited.World) -> None:
    answer = client.post(
        reverse("access:switch_workspace"), {"workspace": world.workspace.slug, "next": "/admin/"}
    )
    assert answer.status_code == 302
    assert settings.SESSION_COOKIE_NAME in client.cookies
