"""Kills, for real: a worker, two beats and an engine die at random under traffic."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection

from controlplane.console import chaos
from controlplane.console.management.commands.chaos import other_broker
from controlplane.lib.dsn import with_database

SECONDS = float(os.environ.get("CHAOS_SECONDS", "12"))
SEED = int(os.environ.get("CHAOS_SEED", "7"))


@pytest.mark.chaos
@pytest.mark.slow
def test_kills_at_random__nothing_lost_repeats_only_within_a_lease(
    django_db_blocker: pytest.FixtureRequest, tmp_path: Path, django_db_setup: None
) -> None:
    with django_db_blocker.unblock():  # type: ignore[attr-defined]
        name = f"{connection.settings_dict['NAME']}_chaos"
        with chaos.scratch_database(name):
            call_command("migrate", verbosity=0)
            audit, kills = chaos.run(
                seconds=SECONDS,
                seed=SEED,
                folder=tmp_path,
                database_url=with_database(os.environ["DATABASE_URL"], name),
                broker_url=other_broker(settings.REDIS_URL),
            )
            connection.close()
    assert sum(kills.values()) >= 4, kills
    assert audit.acknowledged > 60
    assert audit.lost == []
    # Each kill can strand one batch, which its next holder repeats once.
    assert audit.repeated <= 20 * sum(kills.values())


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis://h:6379/0", "redis://h:6379/15"),
        ("redis://:p@h:6379", "redis://:p@h:6379/15"),
        ("redis+socket:///run/v.sock?virtual_host=3", "redis+socket:///run/v.sock?virtual_host=15"),
    ],
)
def test_other_broker__never_the_portals_own(url: str, expected: str) -> None:
    assert other_broker(url) == expected
