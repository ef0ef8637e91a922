"""Typing into a pane: what is typed, who is not disturbed, and a real tmux where there is one."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from controlplane.embedded.processes import wait_until
from missions.threads import numbers
from missions.threads.models import WakeTrigger
from missions.threads.waking import envelope
from missions.threads.waking.adapters.tmux import Tmux
from tests.kit.waking import Night

pytestmark = pytest.mark.django_db

# Answers by the word it is asked with, and keeps all it was asked.
FAKE = """#!/bin/sh
python3 - "$@" <<'END'
import json, os, sys
home = os.environ["TMUX_TMPDIR"]
with open(home + "/asked", "a") as out:
    out.write(json.dumps(sys.argv[1:]) + "\\n")
said = json.load(open(home + "/answers")).get(sys.argv[1], "")
if said.startswith("!"):
    sys.stderr.write(said[1:])
    sys.exit(1)
print(said)
END
"""


class Pane:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.says()

    def says(self, look: str = "0 0 agents", clients: str = "", send: str = "") -> None:
        answers = {"display-message": look, "list-clients": clients, "send-keys": send}
        (self.folder / "answers").write_text(json.dumps(answers))

    @property
    def typed(self) -> list[list[str]]:
        lines = (self.folder / "asked").read_text().splitlines()
        return [words for words in map(json.loads, lines) if words[0] == "send-keys"]


@pytest.fixture
def pane(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pane:
    program = tmp_path / "bin" / "tmux"
    program.parent.mkdir()
    program.write_text(FAKE)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("TMUX_TMPDIR", str(tmp_path))
    return Pane(tmp_path)


@pytest.fixture
def night() -> Night:
    return Night()


def test_text__is_one_line_of_plain_characters_and_enter_apart(night: Night, pane: Pane) -> None:
    night.session(adapter="tmux", target="agents:0.1", runtime="claude-code")
    night.post()
    row = night.wake
    WakeTrigger.objects.filter(pk=row.pk).update(prompt="one\n\x1b[2J two\x07\u202e;")
    assert night.turn() == ["live"]
    text, enter = pane.typed
    assert text[:5] == ["send-keys", "-t", "agents:0.1", "-l", "--"]
    assert enter == ["send-keys", "-t", "agents:0.1", "Enter"]
    assert text[5].startswith(f"[wake {row.uid} ")
    assert text[5].endswith(f"[end of wake {row.uid}]")
    assert all(c.isprintable() for c in text[5])


def test_envelope__keeps_words_and_loses_controls() -> None:
    assert envelope.plain("a\x1b[31mb\r\nc\td\u202ee\u200bf\x00") == "a[31mb\nc def"
    assert envelope.one_line(" a\n\n b ") == "a | b"
    assert envelope.token("th 1]\n[wake") == "th_1___wake"
    assert envelope.cut("üü", 3) == "ü"


@pytest.mark.parametrize("who", ["typing", "copying", "quiet", "watching"])
def test_person_at_the_pane__holds_it(night: Night, pane: Pane, who: str) -> None:
    night.session(adapter="tmux", target="%3")
    night.post()
    now = int(time.time())
    quiet = now - int(numbers.QUIET_SECONDS.value) - 2
    looks = {"copying": {"look": "0 1 agents"}, "typing": {"clients": f"{quiet} 0\n{now} 0"},
             "quiet": {"clients": f"{quiet} 0"}, "watching": {"clients": f"{now} 1"}}  # fmt: skip
    pane.says(**looks[who])
    assert night.turn() == (["defer"] if who in {"typing", "copying"} else ["live"])


@pytest.mark.parametrize(
    ("says", "code"),
    [
        ({"look": "1 0 agents"}, "PANE_DEAD"),
        ({"look": "!can't find pane: %9"}, "TARGET_NOT_FOUND"),
        ({"look": ""}, "TARGET_NOT_FOUND"),
        ({"send": "!it broke"}, "SEND_KEYS_ERROR"),
    ],
)
def test_pane_that_takes_nothing__is_told(
    night: Night, pane: Pane, says: dict[str, str], code: str
) -> None:
    night.session(adapter="tmux", target="%3")
    night.post()
    pane.says(**says)
    assert night.turn() == ["live"]
    assert (night.wake.status, night.wake.error_code) == ("failed", code)
    assert night.tries == [("live", "failed")]


def test_target_like_an_option_and_no_tmux__type_nothing(
    night: Night, pane: Pane, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = night.session(adapter="tmux", target="-x; kill-server")
    night.post()
    assert Tmux(session).send(night.wake).code == "TARGET_NOT_FOUND"
    monkeypatch.setenv("PATH", str(pane.folder))
    session.target = "%3"
    assert Tmux(session).send(night.wake).code == "UNSUPPORTED_RUNTIME"


@pytest.fixture
def real(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    if shutil.which("tmux") is None:
        pytest.skip("tmux is not installed")
    monkeypatch.setenv("TMUX_TMPDIR", str(tmp_path))
    monkeypatch.delenv("TMUX", raising=False)

    def tmux(*words: str) -> str:
        done = subprocess.run(["tmux", *words], capture_output=True, text=True, check=True)
        return done.stdout

    tmux("-f", "/dev/null", "new-session", "-d", "-s", "agents", "-x", "200", "-y", "50", "cat")
    yield tmux
    subprocess.run(["tmux", "kill-server"], check=False, capture_output=True)


def test_real_pane__gets_text_and_enter(night: Night, real: Any) -> None:
    session = night.session(adapter="tmux", target="agents:0.0")
    row = night.post()
    assert night.turn() == ["live"]
    shown = f"[end of wake {row.uid}]"
    # Typed once, and said once more by the program that read the line: Enter was sent.
    assert wait_until(lambda: real("capture-pane", "-pJ", "-t", "agents").count(shown) == 2, 10)
    assert not Tmux(session).busy()
    real("copy-mode", "-t", "agents")
    assert Tmux(session).busy()
    session.target = "nobody:1.1"
    assert Tmux(session).send(row).code == "TARGET_NOT_FOUND"
