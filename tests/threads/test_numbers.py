"""The playbook's numbers, as they are shipped; each may be set anew by the environment."""

from __future__ import annotations

from datetime import timedelta

import pytest

from controlplane.lib import clock
from controlplane.lib.defaults import REGISTERED
from missions.threads import numbers
from missions.threads.models import RuntimeSession
from missions.threads.waking.gathering import _stale

PLAYBOOK = {
    "threads.tick_seconds": 5,
    "threads.ack_seconds": 8,
    "threads.retries": 2,
    "threads.quiet_seconds": 20,
    "threads.recheck_seconds": 5,
    "threads.defer_seconds": 60,
    "threads.idle_turns": 20,
    "threads.finding_cycles": 3,
    "threads.resumes": 2,
    "threads.stale_hours": 12,
    "threads.crashes": 3,
    "threads.crash_minutes": 15,
    "threads.triggers_per_minute": 10,
    "threads.idempotency_hours": 24,
    "threads.look_again_seconds": 5,
    "threads.wake_lease_seconds": 45,
    "threads.auto_most": 3,
    "threads.auto_window_seconds": 300,
    "threads.auto_gap_seconds": 30,
    "threads.pending_most": 50,
    "threads.pending_pause_seconds": 60,
    "threads.run_minutes": 15,
    "threads.kill_grace_seconds": 5,
    "threads.runs_most": 8,
    "threads.runs_per_agent": 2,
    "threads.archive_days": 0,
    "retention.threads.messages_days": 0,
    "threads.filter_content": False,
}


def test_shipped__as_the_playbook_says() -> None:
    assert {name: REGISTERED[name].shipped for name in PLAYBOOK} == PLAYBOOK


def test_set_anew__between_two_looks__counts_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    assert numbers.RETRIES.value == 2
    monkeypatch.setenv(numbers.RETRIES.env_name, "5")
    assert (numbers.RETRIES.value, numbers.RETRIES.overridden) == (5, True)
    monkeypatch.delenv(numbers.RETRIES.env_name)
    assert (numbers.RETRIES.value, numbers.RETRIES.overridden) == (2, False)


def test_session__silent_for_longer_than_twelve_hours_alone_is_stale() -> None:
    now = clock.now()
    session = RuntimeSession(beat_at=now - timedelta(hours=12))
    assert not _stale(session, now)
    session.beat_at -= timedelta(microseconds=1)
    assert _stale(session, now)
