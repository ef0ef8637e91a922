"""Fixtures shared by all. Rows are built by `tests.make`, through the same services users reach.

With `-n 2` tests run in two processes. Each has its own test database (pytest-django), its own
number on the broker and its own folder for state and figures.
"""

from __future__ import annotations

import gc
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.test import TransactionTestCase
from hypothesis import settings as hypothesis_settings

# Without kept bytecode every process that a test starts compiles two thousand modules: three
# seconds of each.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# Collecting only ever adds: a sixth of it was looking in vain for what may go.
gc.disable()

hypothesis_settings.register_profile(
    "default", max_examples=40, deadline=None, derandomize=bool(os.environ.get("CI"))
)
hypothesis_settings.load_profile("default")
pytest.register_assert_rewrite("tests.make", "tests.kit")

from tests.kit import browser as kit  # noqa: E402
from tests.kit import emptying, quick, settled, workers  # noqa: E402  (after the rewriting)
from tests.kit.settled import settled_copies, settled_scenes  # noqa: E402, F401  (fixtures)

if TYPE_CHECKING:
    from tests.kit.browser import Browser

TransactionTestCase._fixture_teardown = emptying.empty_again  # type: ignore[attr-defined]
_FOLDERS = pytest.StashKey[Path]()
_UNTIL = pytest.StashKey[float]()


# --- Bounded in time --------------------------------------------------------------------------


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--within", type=float, metavar="SECONDS", help="begin no test after so long, and say so"
    )
    parser.addoption(
        "--contract-cases", type=int, metavar="N", help="requests at the limits of each operation"
    )
    parser.addoption(
        "--costs", metavar="FILE", help="write what each test took, for tests.kit.quick"
    )


def pytest_configure(config: pytest.Config) -> None:
    within = config.getoption("within")
    config.stash[_UNTIL] = time.monotonic() + within if within else float("inf")
    if costs := config.getoption("costs"):
        config.pluginmanager.register(quick.Costs(Path(costs)))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    if time.monotonic() > item.config.stash[_UNTIL]:
        pytest.skip("not asked: the time that was given is over")


# --- Several processes ------------------------------------------------------------------------


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(config: pytest.Config, specs: list[Any]) -> None:
    """Give each worker its own things by its environment, which it has before it reads the
    settings."""
    folders = Path(tempfile.mkdtemp(prefix="cp-tests-"))
    folders.chmod(0o755)  # programs of other accounts look in too
    config.stash[_FOLDERS] = folders
    for number, spec in enumerate(specs):
        spec.env.update(workers.environment(number, folders))


def pytest_unconfigure(config: pytest.Config) -> None:
    if _FOLDERS in config.stash:
        shutil.rmtree(config.stash[_FOLDERS], ignore_errors=True)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    from tests.clients import counting

    if line := counting.line(terminalreporter.stats):
        terminalreporter.write_line(line)


@pytest.hookimpl(tryfirst=True)  # before `-m` is looked at
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    # What is measured is measured whole.
    quick.leave_to_slow(items, listed=() if config.getoption("costs") else None)
    workers.arrange(items, settled.MODULES)
    if config.getoption("loadgroup", default=False):  # a worker with `--dist loadgroup`
        workers.keep_together(items)


def pytest_collection_finish() -> None:
    """Thousands of tests and modules stay to the end: the collector need not look at them again
    and again, nor after every few objects of a page: that takes a twelfth of drawing it."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    gc.enable()


# --- Every test -------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def forget_what_was_asked_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rate limits and caches of API routes start empty in every test; nobody is known to hang, the
    cache neither."""
    from controlplane.base import cache
    from controlplane.notify import carriers
    from tests.kit import api

    api.reset(monkeypatch)
    carriers.HERE.forget()
    cache.wake()


# --- A real browser ---------------------------------------------------------------------------


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One for the whole run: its start costs more than ten pages."""
    if kit.MISSING:
        pytest.skip(kit.MISSING)
    started = kit.Browser(tmp_path_factory.mktemp("chromium"))
    yield started
    started.quit()


@pytest.fixture
def browser(chromium: Browser, live_server: Any) -> Iterator[Browser]:
    chromium.begin(str(live_server))
    yield chromium
    # Nothing of this page may ask the server while the database is emptied.
    chromium.scripts(on=True)
    chromium.driver.get("about:blank")
