"""Typing into a managed pane, unless a person is there.

Text and Enter are sent apart: sent together, programs that read pasted text take the Enter for a
part of it. A pane in copy mode swallows keys. tmux is asked who typed when, by its own clock.
"""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass

from controlplane.lib import clock
from controlplane.lib.text import short
from missions.threads import numbers
from missions.threads.models import WakeTrigger
from missions.threads.waking.adapters.base import Adapter, Sent
from missions.threads.waking.envelope import one_line, write

_TARGET = re.compile(r"[A-Za-z0-9_.:%@$=][A-Za-z0-9_.:%@$=-]{0,199}")
_TIMEOUT = 3.0  # seconds; it answers over a socket of this machine
_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TMUX_TMPDIR", "TERM")
_LOOK = "#{pane_dead} #{pane_in_mode} #{session_name}"


@dataclass(frozen=True, slots=True)
class Pane:
    dead: bool
    in_mode: bool
    session: str


class TmuxError(Exception):
    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


class Tmux(Adapter):
    def busy(self) -> bool:
        try:
            pane = self._pane()
            return not pane.dead and (pane.in_mode or self._typed(pane.session))
        except TmuxError:
            return False  # telling it says what is wrong

    def send(self, row: WakeTrigger) -> Sent:
        try:
            if self._pane().dead:
                return Sent(False, "PANE_DEAD", "The pane's program has ended.")
            self._ask("send-keys", "-t", self._target(), "-l", "--", one_line(write(row)))
            self._ask("send-keys", "-t", self._target(), "Enter")
        except TmuxError as error:
            return Sent(False, error.code, short(str(error), 400))
        return Sent(True)

    def _target(self) -> str:
        target = self.session.target
        if not _TARGET.fullmatch(target):
            raise TmuxError("TARGET_NOT_FOUND", "Not the name of a pane.")
        return target

    def _pane(self) -> Pane:
        said = self._ask("display-message", "-p", "-t", self._target(), _LOOK).split(" ", 2)
        if len(said) != 3 or not said[2].strip():
            raise TmuxError("TARGET_NOT_FOUND", "There is no such pane.")
        return Pane(said[0] == "1", said[1] not in {"", "0"}, said[2].strip())

    def _typed(self, session: str) -> bool:
        """Did somebody who looks at it and may type do so just now?"""
        said = self._ask(
            *("list-clients", "-t", session, "-F", "#{client_activity} #{client_readonly}")
        )
        since = clock.now().timestamp() - numbers.QUIET_SECONDS.value
        for client in said.splitlines():
            when, _, readonly = client.partition(" ")
            if readonly.strip() != "1" and when.isdigit() and int(when) >= since:
                return True
        return False

    def _ask(self, *words: str) -> str:
        env = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        try:
            done = subprocess.run(  # noqa: S603 - a fixed program, no shell
                ["tmux", *words],  # noqa: S607 - wherever the installation has it
                stdin=subprocess.DEVNULL, capture_output=True, timeout=_TIMEOUT, check=False,
                env=env, text=True, errors="replace",
            )  # fmt: skip
        except FileNotFoundError:
            raise TmuxError("UNSUPPORTED_RUNTIME", "tmux is not installed here.") from None
        except (OSError, subprocess.TimeoutExpired) as error:
            raise TmuxError("SEND_KEYS_ERROR", type(error).__name__) from None
        if done.returncode:
            gone = "can't find" in done.stderr or "no server" in done.stderr
            code = "TARGET_NOT_FOUND" if gone else "SEND_KEYS_ERROR"
            raise TmuxError(code, done.stderr.strip() or f"tmux ended with {done.returncode}.")
        return done.stdout.rstrip("\n")
