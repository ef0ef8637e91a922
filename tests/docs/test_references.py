"""What the documents name exists: pages and headings, commands and their flags, environment
variables, routes, pages of the console, files, tests."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from django.core.management import get_commands, load_command_class
from django.urls import Resolver404, resolve

from controlplane.console.documents import source
from controlplane.lib.defaults import REGISTERED
from controlplane.lib.errors import CODES
from tests.kit.source import ROOT

PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md",
    *sorted((ROOT / "docs").glob("*.md")),
]
IDS = [page.name for page in PAGES]
every_page = pytest.mark.parametrize("page", PAGES, ids=IDS)

_FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`([^`]+)`")
_LINK = re.compile(r"\]\(([^)\s]+)\)")


@cache
def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def snippets(page: Path) -> Iterator[str]:
    """Inline code, and the lines of fenced code; what a reader would type."""
    text = text_of(page)
    for block in _FENCE.findall(text):
        yield from block.splitlines()[1:-1]
    for span in _SPAN.findall(_FENCE.sub("", text)):
        yield " ".join(span.split())


# --- Links --------------------------------------------------------------------------------------


@cache
def anchors(page: Path) -> frozenset[str]:
    """As GitHub makes them from headings."""
    titles = re.findall(r"^#+ (.+)$", _FENCE.sub("", text_of(page)), re.MULTILINE)
    return frozenset(re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles)


def broken_links(page: Path) -> Iterator[str]:
    for target in _LINK.findall(_FENCE.sub("", text_of(page))):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        if not there.exists() or (anchor and anchor not in anchors(there)):
            yield target


@every_page
def test_links__lead_somewhere(page: Path) -> None:
    assert not list(broken_links(page))


# --- Commands -----------------------------------------------------------------------------------


def wrong_commands(page: Path) -> Iterator[str]:
    for snippet in snippets(page):
        for name, rest in re.findall(r"manage\.py ([a-z]\w*)([^|&;)]*)", snippet):
            if name not in get_commands():
                yield f"{snippet}: no command {name}"
                continue
            command = load_command_class(str(get_commands()[name]), name)
            known = command.create_parser("manage.py", name)._option_string_actions
            given = rest.split(" -- ")[0]
            for flag in re.findall(r"(?<=\s)--[a-z][a-z-]*", given):
                if flag not in known:
                    yield f"{snippet}: {name} has no {flag}"


@every_page
def test_commands__exist_with_their_flags(page: Path) -> None:
    assert not list(wrong_commands(page))


# --- Settings -----------------------------------------------------------------------------------


@cache
def variables() -> frozenset[str]:
    """What the product reads from its environment."""
    read = re.compile(r"\"((?:CONTROLPLANE|CP)_[A-Z0-9_]+)\"")
    found = {each.name for each in source.variables()}
    found |= {default.env_name for default in REGISTERED.values()}
    for path in source.product_files():
        found |= set(read.findall(path.read_text(encoding="utf-8")))
    return frozenset(found)


@cache
def words_of_the_source() -> frozenset[str]:
    places = [*source.product_files(), *(p for p in (ROOT / "ops").rglob("*") if p.is_file())]
    text = "\n".join(path.read_text(encoding="utf-8") for path in places)
    return frozenset(re.findall(r"\b[A-Z][A-Z0-9_]*_[A-Z0-9_]+\b", text))


@every_page
def test_environment_variables__are_read_by_the_product(page: Path) -> None:
    wrong = set()
    for snippet in snippets(page):
        for name in re.findall(r"\b[A-Z][A-Z0-9]*_[A-Z0-9_]*[A-Z0-9]\b", snippet):
            ours = name.startswith("CONTROLPLANE_") or name.endswith("_URL")
            known = variables() if ours else variables() | CODES.keys() | words_of_the_source()
            if name not in known and f"{name}=" not in text_of(page):
                wrong.add(name)
    assert not wrong


# --- Routes -------------------------------------------------------------------------------------


@cache
def routes() -> dict[str, frozenset[str]]:
    paths = json.loads((ROOT / "docs" / "openapi.json").read_text())["paths"]
    return {
        re.sub(r"\{\w+\}", "{}", path): frozenset(method.upper() for method in methods)
        for path, methods in paths.items()
    }


def wrong_routes(page: Path) -> Iterator[str]:
    for snippet in snippets(page):
        for method, path in re.findall(
            r"(?:\b(GET|POST|PUT|PATCH|DELETE) )?(/api/v1/[\w/{}.-]*\w\}?)", snippet
        ):
            methods = routes().get(re.sub(r"\{.*?\}|\bMSN-\d+", "{}", path))
            if methods is None or (method and method not in methods):
                yield snippet


@every_page
def test_api_paths__are_in_the_openapi_document(page: Path) -> None:
    assert not list(wrong_routes(page))


def leads_somewhere(path: str) -> bool:
    """Whether a view answers it. The console's last one takes whatever no other did."""
    try:
        return not resolve(path).route.endswith("(?P<url>.*)$")
    except Resolver404:
        return False


@every_page
def test_pages_of_the_portal__resolve(page: Path) -> None:
    wrong = []
    for snippet in snippets(page):
        page_of_ours = re.fullmatch(r"/(?!api/v1)[a-z.][\w./{}-]*", snippet)
        if page_of_ours and not leads_somewhere(snippet):
            wrong.append(snippet)
    assert not wrong


# --- Files and tests ----------------------------------------------------------------------------

_FILE = re.compile(r"(?:controlplane|tests|docs|ops|templates)/[\w./-]+\.\w+(?:::\w+)?")


@cache
def functions(path: Path) -> frozenset[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))


@every_page
def test_files_and_tests__are_there(page: Path) -> None:
    wrong = []
    for snippet in snippets(page):
        if not _FILE.fullmatch(snippet):
            continue
        name, _, test = snippet.partition("::")
        path = ROOT / name
        if not path.is_file() or (test and test not in functions(path)):
            wrong.append(snippet)
    assert not wrong


@cache
def words_on_screen() -> str:
    pages = (ROOT / "templates").rglob("*.html")
    texts = [path.read_text(encoding="utf-8") for path in (*source.product_files(), *pages)]
    return " ".join(" ".join(texts).split())


@pytest.mark.parametrize("name", ["operators.md", "administrators.md", "runbooks.md"])
def test_buttons__are_called_so(name: str) -> None:
    """Bold words are what a button or link says; a bold word with a stop begins a paragraph."""
    text = " ".join(text_of(ROOT / "docs" / name).split())
    wrong = [
        label
        for label in re.findall(r"\*\*([^*]+)\*\*", text)
        if not label.endswith((".", ":")) and label not in words_on_screen()
    ]
    assert not wrong


def test_a_broken_page__is_seen(tmp_path: Path) -> None:
    """The walk itself finds what it is for."""
    page = tmp_path / "page.md"
    page.write_text(
        "[gone](gone.md) [here](#nowhere) `manage.py nonsense` `manage.py backup --nope`"
        " `POST /api/v1/me` `/api/v1/none`\n"
    )
    assert list(broken_links(page)) == ["gone.md", "#nowhere"]
    assert len(list(wrong_commands(page))) == 2
    assert len(list(wrong_routes(page))) == 2
