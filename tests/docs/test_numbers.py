"""Numbers that the guides tell in words are the product's."""

from __future__ import annotations

from datetime import timedelta
from importlib import import_module

import pytest

from controlplane.console.documents import source
from controlplane.jobs.registry import JOBS
from controlplane.lib.defaults import REGISTERED
from tests.kit.source import ROOT

SAID = [
    ("operators.md", "after {:g} minutes without a request", "access.session_idle_minutes", 1),
    ("operators.md", "after {:g} hours in any case", "access.session_hours", 1),
    ("operators.md", "for about {:g} minutes", "access.failure_window_minutes", 1),
    ("administrators.md", "works for {:g} hours more", "access.key_overlap_hours", 1),
    ("administrators.md", "A key lives {:g} days", "access.key_days", 1),
    ("administrators.md", "and kept {:g} days", "backups.keep_days", 1),
    ("administrators.md", "{:g} seconds after the cause is gone", "jobs.alarm_calm_s", 1),
    ("agents.md", "at most an hour", "access.issuer_token_max_minutes", 60),
    ("runbooks.md", "no sign of life for {:g} seconds", "jobs.heartbeat_stale_s", 1),
    ("runbooks.md", "the engine each five seconds", "jobs.worker_hand_s", 5),
    ("runbooks.md", "failed three times in a row", "notify.channel_failing_after", 3),
    ("runbooks.md", "older than {:g} hours", "backups.fresh_hours", 1),
    ("runbooks.md", "longer than a minute", "audit.max_seal_lag_s", 60),
    ("operators.md", "Five wrong passwords", "access.failures_per_account", 5),
    ("operators.md", "code of the last five minutes", "access.recent_factor_minutes", 5),
    ("administrators.md", "at most four hours", "access.break_glass_hours", 4),
    ("administrators.md", "eight times", "notify.outbox_max_attempts", 8),
    ("operators.md", "Three failures in a row", "catalog.breaker_failures", 3),
    ("administrators.md", "three quarters of the period", "obligations.remind_share", 0.75),
    ("operators.md", "The target is 4 hours", "approvals.target_minutes", 240),
    ("operators.md", "After 7 days it expires", "approvals.expires_minutes", 10_080),
    ("agents.md", "at most 256 KiB", "approvals.max_packet_bytes", 262_144),
    ("agents.md", "256 KiB, {:g} levels", "approvals.max_packet_depth", 1),
    ("agents.md", "and 20,000 values", "approvals.max_packet_values", 20_000),
]


@pytest.mark.parametrize(("page", "words", "name", "unit"), SAID)
def test_number__in_words_is_the_default(page: str, words: str, name: str, unit: float) -> None:
    """`unit` is the number itself where the sentence spells it out."""
    import_module(source.places_of_defaults()[name][:-3].replace("/", "."))
    shipped = float(REGISTERED[name].shipped)
    sentence = words.format(shipped)
    assert sentence in " ".join((ROOT / "docs" / page).read_text().split())
    assert sentence != words or shipped == unit


def test_backup_times__are_the_jobs() -> None:
    said = " ".join((ROOT / "docs" / "administrators.md").read_text().split())
    assert f"daily at {JOBS['backups.daily'].schedule}" in said
    assert JOBS["backups.drill"].schedule.longest_gap == timedelta(days=7)
