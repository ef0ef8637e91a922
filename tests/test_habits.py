"""Habits of the house: small files, no clever delays, one clock, fixed names."""

from __future__ import annotations

import ast
import os
import re
import tomllib
import warnings
from pathlib import Path

import pytest

from tests.kit.source import COMPOSITION, PACKAGES, ROOT, at, calls, module_of, nodes, product_files

# One process parses all the sources once, for all of these.
pytestmark = pytest.mark.xdist_group("source")


def test_no_model_signals_and_no_save_overrides() -> None:
    wrong = []
    for path in product_files():
        for node in nodes(path):
            if isinstance(node, ast.ImportFrom) and node.module in {
                "django.db.models.signals",
                "django.dispatch",
            }:
                wrong.append(at(path, node))
            if isinstance(node, ast.ClassDef):
                wrong += [
                    at(path, item)
                    for item in node.body
                    if isinstance(item, ast.FunctionDef)
                    and item.name in {"save", "delete"}
                    and any("Model" in ast.unparse(base) for base in node.bases)
                ]
    assert not wrong


def test_no_celery_delays_carry_work() -> None:
    wrong = [
        at(path, call)
        for path in product_files()
        for call in calls(path)
        if any(keyword.arg in {"countdown", "eta"} for keyword in call.keywords)
    ]
    assert not wrong, "what is due later is a row: a timer, or an outbox message with not_before"


def test_time_comes_from_the_clock() -> None:
    allowed = {"controlplane.lib.clock", "controlplane.lib.logs", "controlplane.lib.ids"}
    # The client asks the clock of the machine it runs on: "tomorrow" is its user's.
    allowed |= {"controlplane.bd.times", "controlplane.demo_agents.times"}
    wrong = [
        at(path, call)
        for path in product_files()
        if module_of(path) not in allowed and not COMPOSITION & set(module_of(path).split("."))
        for call in calls(path)
        if ast.unparse(call.func)
        in {
            "datetime.now",
            "datetime.utcnow",
            "timezone.now",
            "datetime.datetime.now",
            "date.today",
        }
    ]
    assert not wrong


@pytest.mark.filterwarnings("default::UserWarning")
def test_files__stay_small() -> None:
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text().splitlines())
        for path in [*product_files(), *(ROOT / "tests").rglob("*.py")]
    }
    for path, length in lengths.items():
        if 400 < length <= 600:
            warnings.warn(f"{path} has {length} lines: time for a folder", stacklevel=1)
    too_long = {path: length for path, length in lengths.items() if length > 600}
    assert not too_long


def test_function_local_imports__are_the_exception() -> None:
    total, local = 0, []
    for path in product_files():
        inside: set[ast.AST] = set()
        for node in nodes(path):
            # `AppConfig.ready` can't import earlier; that is what it is for.
            is_function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            if is_function and getattr(node, "name", "") != "ready":
                inside |= {n for n in ast.walk(node) if isinstance(n, ast.Import | ast.ImportFrom)}
        total += sum(isinstance(n, ast.Import | ast.ImportFrom) for n in nodes(path))
        local += [at(path, node) for node in inside]
    share = len(local) / total
    assert share < 0.015, f"{share:.1%} of imports hide in functions: {sorted(local)}"


def test_functions__stay_small() -> None:
    lengths = sorted(
        (node.end_lineno or node.lineno) - node.lineno + 1
        for path in product_files()
        for node in nodes(path)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    assert lengths[len(lengths) // 2] <= 12
    assert lengths[int(len(lengths) * 0.95)] < 45


# --- Names ------------------------------------------------------------------------------------


def test_top_level__the_five_packages_and_no_others() -> None:
    found = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert found == {*PACKAGES, "tests"}


def test_root_package__is_empty() -> None:
    """Whatever stands in it is imported by every command, the ones without Django too."""
    assert (ROOT / "controlplane" / "__init__.py").read_text() == ""


@pytest.mark.parametrize(
    "package",
    ["django", "rest_framework", "celery", "redis", "psycopg", "environ", "django_filters"],
)
def test_named_packages__are_used(package: str) -> None:
    pattern = re.compile(rf"^\s*(from|import) {package}\b", re.MULTILINE)
    users = [path for path in product_files() if pattern.search(path.read_text())]
    users += [
        path
        for path in product_files()
        if f'"{package}' in path.read_text() and path.stem == "settings"
    ]
    assert users


def test_named_packages__pytest_and_its_django_plugin_run_the_suite() -> None:
    options = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]
    assert "pytest_django" in options["ini_options"]["addopts"]


# Put together, so that this file does not hold what it looks for.
MACHINE_PATHS = re.compile(
    # Of a folder, and not of a page or a route: "/admin/" + "work/", "GET /" + "work/ready".
    "|".join(
        [
            r"(?<![\w}])/" + r"work/(?:main|shared|\.)",
            "/" + r"home/\w+/",
            "/" + "root/",
            "/tmp" + "/dev",
        ]
    )
)
TEXT = frozenset(
    {".py", ".html", ".css", ".js", ".md", ".toml", ".yml", ".yaml", ".conf", ".service"}
)


def test_no_number_of_a_list_that_no_reader_has() -> None:
    """What a thing is for is said in words, at the thing."""
    numbered = re.compile(r"\bR-\d{3}\b")
    wrong = [path for path in product_files() if numbered.search(path.read_text())]
    assert not wrong


def test_no_path_of_any_machine() -> None:
    hidden = {".git", ".venv", ".state", ".hypothesis", "__pycache__"}
    wrong = []
    # Hidden folders are not entered: a database server makes and drops files in one of them.
    for folder, inside, names in os.walk(ROOT):
        inside[:] = sorted(set(inside) - hidden)
        paths = (Path(folder, name) for name in names if Path(name).suffix in TEXT)
        wrong += [path for path in paths if MACHINE_PATHS.search(path.read_text(errors="replace"))]
    assert not wrong
