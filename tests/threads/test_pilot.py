"""A review from the first finding to the resolved thread, by the two reference agents, each asleep
whenever it is not its turn, with nobody who carries anything between them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from controlplane.audit.models import AuditEvent
from missions.threads.models import Message, Thread, WakeAttempt, WakeTrigger
from tests import make
from tests.kit.pilot import piloting, service_levels
from tests.kit.threads import Talk

pytestmark = [pytest.mark.slow, pytest.mark.chaos, pytest.mark.django_db(transaction=True)]
STORY = [
    "re_review_requested",
    "finding_reported", "finding_reported", "review_finished",
    "fix_pushed", "fix_pushed", "re_review_requested",
    "finding_verified", "finding_rejected", "review_finished",
    "fix_pushed", "re_review_requested",
    "finding_verified", "thread_resolved",
]  # fmt: skip


@pytest.mark.parametrize(
    "ways", [("", ""), ("--mcp", "--mcp"), ("", "--mcp")], ids=["rest", "mcp", "both"]
)
def test_review__runs_to_its_end_without_a_person(ways: tuple[str, str], tmp_path: Path) -> None:
    talk = Talk(make.workspace())
    with piloting(tmp_path) as pilot:
        reviewer = pilot.starts("reviewer.py", talk.reviewer, *filter(None, [ways[0]]))
        try:
            other = ["--reviewer", str(talk.reviewer.uid), *filter(None, [ways[1]])]
            executioner = pilot.starts("executioner.py", talk.executioner, *other)
            told = [pilot.ends(each) for each in (reviewer, executioner)]
            levels = service_levels(talk.workspace, tmp_path)
        except BaseException:
            reviewer.kill()
            raise
    assert all(each["wakes"] >= 2 for each in told), told
    _story(Thread.objects.get(workspace=talk.workspace))
    _wakes(talk)
    _levels(levels)


def _levels(found: dict[str, Any]) -> None:
    """What was promised holds in a run of its own, and is written down."""
    assert found["post"]["attempts"] >= len(STORY)
    assert found["read"]["attempts"]
    assert found["trigger"]["attempts"] >= 4
    assert found["missed"] == []


def _story(thread: Thread) -> None:
    rows = list(Message.objects.filter(thread=thread).order_by("seq"))
    assert [row.seq for row in rows] == list(range(1, len(rows) + 1)), "no gap, nothing twice"
    assert [row.event for row in rows if row.kind == "event"] == STORY
    assert (thread.status, thread.blocked_by) == ("resolved", "")
    assert thread.findings == {}
    # No person did anything in it.
    assert {row.sender_ref.partition(":")[0] for row in rows} == {"agent", "job"}
    acted = AuditEvent.objects.filter(workspace_id=thread.workspace_id, action__startswith="thread")
    assert not acted.filter(actor_kind="person").exists()


def _wakes(talk: Talk) -> None:
    """Each is settled, once, and each try is told of."""
    rows = list(WakeTrigger.objects.filter(workspace=talk.workspace))
    open_ones = [row for row in rows if row.state not in {"done", "dead", "cancelled"}]
    assert not [row for row in open_ones if row.agent_id != talk.executioner.pk], open_ones
    done = [row for row in rows if row.state == "done"]
    for agent in (talk.executioner, talk.reviewer):
        mine = [row for row in done if row.agent_id == agent.pk and row.result == "triggered"]
        assert len(mine) >= 2, (agent, rows)
        for row in mine:
            assert row.acked_by, row
            tries = WakeAttempt.objects.filter(trigger=row, result="sent")
            assert tries.count() == 1, "delivered once"
