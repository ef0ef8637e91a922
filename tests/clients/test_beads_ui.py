"""beads-ui 0.12.0, a board others wrote: its server runs our `bd`, its page shows our items."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clients.bridges import Methods
from tests.clients.conftest import Install, Machine
from tests.kit import browser as kit
from tests.kit.browser import Browser
from tests.kit.receivers import free_port

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("clients")]
LISTS = (
    "all-issues", "epics", "blocked-issues", "ready-issues", "in-progress-issues", "closed-issues",
)  # fmt: skip


class Board:
    """Its server, in the machine's folder."""

    def __init__(self, machine: Machine, folder: Path, node: str) -> None:
        (machine.home / ".gitconfig").write_text("[user]\n\tname = Kim Example\n")
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        script = folder / "node_modules" / "beads-ui" / "server" / "index.js"
        self._process = subprocess.Popen(
            [node, str(script), "--port", str(port)],
            env={**machine.env, "BD_BIN": str(machine.home / "bin" / "bd")},
            cwd=machine.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self._process.stdout
        said = []
        for line in self._process.stdout:
            said.append(line)
            if "listening" in line:
                return
        raise AssertionError("".join(said))

    def stop(self) -> None:
        self._process.terminate()
        self._process.communicate(timeout=20)


@pytest.fixture
def folder(install: Install) -> Path:
    return install("beads-ui")


@pytest.fixture
def board(machine: Machine, folder: Path) -> Iterator[Board]:
    found = Board(machine, folder, shutil.which("node") or "node")
    yield found
    found.stop()


class Page:
    """What the page does over its socket, and the lists it would show."""

    def __init__(self, machine: Machine, folder: Path, board: Board) -> None:
        address = board.url.replace("http", "ws") + "/ws"
        node = shutil.which("node") or "node"
        self.node = machine.start(Methods, node, "socket", folder, address, name="socket")
        self.kinds: set[str] = set()
        self.requests = 0

    def send(self, kind: str, **payload: Any) -> Any:
        self.kinds.add(kind)
        self.requests += 1
        reply = self.node("send", kind, payload)
        assert reply["ok"], (kind, payload, reply)
        return reply["payload"]

    def subscribe(self, kind: str, **params: str) -> list[dict[str, Any]]:
        self.send("subscribe-list", id=kind, type=kind, **({"params": params} if params else {}))
        return list(self.node("list", kind))

    def drop(self, *kinds: str) -> None:
        """Every change makes the board ask for each subscribed list again, one after another."""
        for kind in kinds:
            assert self.send("unsubscribe-list", id=kind)["unsubscribed"]

    def until(self, kind: str, issue: str, **like: Any) -> Any:
        """Its list has the issue like this, by what the server pushes."""
        return self.node("until", kind, issue, like)

    def until_gone(self, kind: str, issue: str) -> None:
        self.node("until", kind, issue)


def test_every_message__of_the_page(machine: Machine, folder: Path, board: Board) -> None:
    page = Page(machine, folder, board)
    page.send("ping")
    here = page.send("get-workspace")
    assert here["root_dir"] == str(machine.folder)
    assert page.send("list-workspaces")["current"]["db_path"] == str(machine.beads)
    assert not page.send("set-workspace", path=str(machine.folder))["changed"]
    for kind in LISTS:
        assert page.subscribe(kind) == []
    page.drop(*LISTS)
    task, late = made(page)
    change(page, machine, task)
    wait(page, machine, task, late)
    finish(page, machine, task, late)
    assert len(page.kinds) >= 15, page.kinds
    assert page.requests >= 29


def made(page: Page) -> tuple[str, str]:
    page.send("create-issue", title="Roll out 4.2", type="epic", priority=1)
    page.send("create-issue", title="Rotate keys", type="bug", priority=0, description="All")
    page.send("create-issue", title="Tell everybody")
    rows = {row["title"]: row for row in page.subscribe("all-issues")}
    assert (rows["Rotate keys"]["priority"], rows["Rotate keys"]["issue_type"]) == (0, "bug")
    [epic] = page.subscribe("epics")
    assert (epic["id"], epic["total_children"]) == (rows["Roll out 4.2"]["id"], 0)
    [detail] = page.subscribe("issue-detail", id=rows["Rotate keys"]["id"])
    assert detail["description"] == "All"
    page.drop("epics", "issue-detail")
    return rows["Rotate keys"]["id"], rows["Tell everybody"]["id"]


def change(page: Page, machine: Machine, task: str) -> None:
    page.send("update-assignee", id=task, assignee="kim")
    page.send("update-assignee", id=task, assignee="")
    page.send("update-priority", id=task, priority=3)
    texts = {
        "title": "Rotate all keys", "description": "Old ones", "acceptance": "None left",
        "notes": "Begun", "design": "At once",
    }  # fmt: skip
    for field, value in texts.items():
        page.send("edit-text", id=task, field=field, value=value)
    page.send("label-add", id=task, label="ops")
    [shown] = page.send("label-add", id=task, label="night")
    assert shown["labels"] == ["night", "ops"]
    page.send("label-remove", id=task, label="night")
    [said] = page.send("add-comment", id=task, text="build 311 green")
    assert (said["author"], said["text"]) == ("Kim Example", "build 311 green")
    assert page.send("get-comments", id=task) == [said]
    page.until("all-issues", task, title="Rotate all keys", priority=3)
    seen = machine.seen(task)
    assert (seen["labels"], seen["acceptance_criteria"]) == (["ops"], "None left")


def wait(page: Page, machine: Machine, task: str, late: str) -> None:
    page.drop("all-issues")
    page.subscribe("blocked-issues")
    assert len(page.subscribe("ready-issues")) == 3
    page.send("dep-add", a=late, b=task)
    assert page.until("blocked-issues", late)["blocked_by"] == [task]
    page.until_gone("ready-issues", late)
    page.send("dep-remove", a=late, b=task)
    page.until_gone("blocked-issues", late)
    page.until("ready-issues", late)
    page.drop("blocked-issues", "ready-issues")
    assert page.subscribe("in-progress-issues") == []
    # A change by somebody else in the folder shows too. For a second after one change the board
    # looks at no other, so more of them follow.
    machine.ok("update", late, "--status", "in_progress")
    for number in range(100):
        if page.node("list", "in-progress-issues"):
            break
        machine.ok("update", late, "--notes", f"Begun, {number}")
    page.until("in-progress-issues", late)


def finish(page: Page, machine: Machine, task: str, late: str) -> None:
    page.send("update-status", id=task, status="in_progress")
    page.until("in-progress-issues", task)
    page.subscribe("closed-issues")
    page.send("update-status", id=task, status="closed")
    page.until("closed-issues", task, status="closed")
    assert machine.seen(task)["status"] == "closed"
    page.send("update-status", id=task, status="open")
    page.until_gone("closed-issues", task)
    page.send("delete-issue", id=late)
    page.until_gone("in-progress-issues", late)


# --- In a browser -----------------------------------------------------------------------------


@pytest.fixture
def browser(board: Board, tmp_path: Path) -> Iterator[Browser]:
    if kit.MISSING:
        pytest.skip(f"beads-ui's page {kit.MISSING}")
    started = kit.Browser(tmp_path / "chromium")
    started.begin(board.url)
    yield started
    started.quit()


def test_page__an_item_is_created_and_closed(browser: Browser, machine: Machine) -> None:
    browser.open("/#/issues")
    browser.until(lambda: browser.find("#new-issue-btn")).click()
    browser.until(lambda: browser.find("#new-title").is_displayed())
    browser.find("#new-title").send_keys("Rotate keys")
    browser.find("#btn-create").click()
    row = browser.until(lambda: browser.find("tr[data-issue-id]"))
    key = str(row.get_attribute("data-issue-id"))
    assert "Rotate keys" in row.text
    assert machine.seen(key)["status"] == "open"

    browser.find(f"tr[data-issue-id='{key}'] select.badge--status [value=closed]").click()
    browser.until(lambda: machine.seen(key)["status"] == "closed")
    browser.until(lambda: not browser.all(f"tr[data-issue-id='{key}']"))
    assert [line for line in browser.said() if "favicon" not in line] == []
