"""Plans of the hot statements among a thousand threads, a hundred thousand messages and twenty who
take part in each: none reads a table from end to end, and none costs more because there is more."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from missions.threads import numbers, services
from missions.threads.drafts import read
from missions.threads.models import Message, Participant, Thread
from missions.threads.statements.inbox import INBOX
from missions.threads.statements.read import ACK, READ
from missions.threads.waking import reconciling
from missions.threads.waking.due import takeable
from tests import make
from tests.kit.threads import Talk

pytestmark = [pytest.mark.django_db, pytest.mark.slow, pytest.mark.servers]
THREADS, EACH, PARTS = 1_000, 100, 20
LARGE = {"threads_message", "threads_thread", "threads_participant", "threads_waketrigger"}
# What a plan may touch of them, however many there are beside.
ROWS_MOST = 2_000


@pytest.fixture
def talk() -> Talk:
    found = Talk()
    agents = [make.agent(found.workspace, role="validator") for _ in range(PARTS)]
    now = timezone.now()
    threads = Thread.objects.bulk_create(
        Thread(workspace=found.workspace, ref=f"T-{n}", title="Filled", last_seq=EACH,
               last_message_at=now, created_by="job:test")
        for n in range(THREADS)
    )  # fmt: skip
    Participant.objects.bulk_create(
        [
            Participant(thread=thread, agent=agent, role="validator", added_by="job:test",
                        last_read_seq=EACH)
            for thread in threads for agent in agents
        ],
        batch_size=5_000,
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO threads_message (uid, thread_id, seq, schema_version, kind, event, body,
                metadata, "to", to_role, to_agents, sender_ref, sender_label, agent_id, session,
                content_hash, correlation_id, created_at)
            SELECT gen_random_uuid(), t.id, n, 1, 'chat', '', 'word ' || n, '{}', 'all', '', '{}',
                'agent:1', 'x', %s, '', '', '', now()
            FROM threads_thread t, generate_series(1, %s) n WHERE t.title = 'Filled'""",
            [agents[0].pk, EACH],
        )
        # Each who takes part was woken once, long ago.
        cursor.execute(
            """INSERT INTO threads_waketrigger (state, ready_at, attempts, max_attempts, last_error,
                created_at, uid, workspace_id, thread_id, participant_id, agent_id, status, reason,
                why, prompt, from_seq, to_seq, forced, asked_by, correlation_id, live_tries,
                resume_tries, spawn_tries, deferrals, acked_by, result, error_code, version,
                told_at, finished_at)
            SELECT 'done', now() - interval '9 days', 1, 100, '', now() - interval '9 days',
                gen_random_uuid(), t.workspace_id, t.id, p.id, p.agent_id, 'delivered', 'unread',
                '', '', 1, 2, false, '', '', 1, 0, 0, 0, 'cursor', 'triggered', '', 1, now(), now()
            FROM threads_participant p JOIN threads_thread t ON t.id = p.thread_id
            WHERE t.title = 'Filled'"""
        )
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
        cursor.execute(f"ANALYZE {', '.join(sorted(LARGE))}")
    for number in range(30):
        found.post("executioner", f"Message {number}", kind="event", event_type="fix_pushed")
    return found


def scans(plan: dict[str, Any]) -> list[tuple[str, str, float]]:
    found = []
    if "Relation Name" in plan:
        rows = plan.get("Actual Rows", 0) + plan.get("Rows Removed by Filter", 0)
        times = plan.get("Actual Loops", 1)
        found.append((plan["Node Type"], plan["Relation Name"], rows * times))
    for each in plan.get("Plans", ()):
        found += scans(each)
    return found


def bounded(name: str, statement: str, values: Any) -> None:
    """Run once more, for its plan; what it wrote is taken back."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", values)
        (told,) = cursor.fetchone()
        transaction.set_rollback(True)
    plan = (told if isinstance(told, list) else json.loads(told))[0]["Plan"]
    for how, table, rows in scans(plan):
        if table in LARGE:
            assert how != "Seq Scan", (name, table)
            assert rows <= ROWS_MOST, (name, how, table, rows)


READ_SO_FAR = """SELECT relname, seq_scan, coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0)
    FROM pg_stat_xact_user_tables WHERE relname = ANY(%s)"""


def read_so_far() -> dict[str, tuple[int, int]]:
    """By table, in this transaction: how often it was read from end to end, and how many rows."""
    with connection.cursor() as cursor:
        cursor.execute(READ_SO_FAR, [sorted(LARGE)])
        return {name: (scans, rows) for name, scans, rows in cursor.fetchall()}


def bounded_post(name: str, talk: Talk, thread: Thread, who: str) -> None:
    """A post is a function of the database, whose plans nobody shows: what it read is counted."""
    draft = read({"body": "Hello.", "idempotency_key": "k-1"})
    before = read_so_far()
    services.post_message(thread.uid, draft, actor=talk.by(who))
    for table, (whole, rows) in read_so_far().items():
        was, had = before.get(table, (0, 0))
        assert whole == was, (name, table, "read from end to end")
        assert rows - had <= ROWS_MOST, (name, table, rows - had)


def test_hot_statements__use_indexes_and_read_what_they_answer(talk: Talk) -> None:
    assert Message.objects.count() >= THREADS * EACH
    actor, thread = talk.by("reviewer"), talk.thread
    place = {"thread": thread.uid, "agent": actor.agent_id, "workspaces": [talk.workspace.pk]}
    bounded("read", READ, {**place, "since": 3, "limit": 50, "mine": False, "held": None})
    bounded("read of the inbox", INBOX, {**place, "limit": 200, "held": ""})
    bounded("acknowledge", ACK, {**place, "seq": 20})
    bounded_post("post", talk, thread, "executioner")
    many = talk.begin(title="Many", participants=[
        (part.agent, "validator") for part in Participant.objects.filter(thread__ref="T-1")
    ])  # fmt: skip
    bounded_post("post to twenty", talk, many, "coordinator")


def test_supervisor__looks_for_what_is_due_by_index(talk: Talk) -> None:
    talk.asleep()
    for number in range(20):
        talk.post("coordinator", f"{number}", kind="event", event_type="fix_pushed")
    sql, params = takeable().order_by("ready_at", "id")[:10].query.sql_with_params()
    bounded("claim", sql, params)
    values = {
        "agent": talk.reviewer.pk, "fresh": numbers.FRESH_SECONDS.value,
        "window": numbers.AUTO_WINDOW_SECONDS.value, "gap": numbers.AUTO_GAP_SECONDS.value,
        "most": numbers.AUTO_MOST.value, "killed": "x", "limit": reconciling.MOST,
    }  # fmt: skip
    bounded("what was missed, of one agent", reconciling._MISSED, values)


def test_what_was_missed__is_found_by_who_is_behind_not_by_what_was_said(talk: Talk) -> None:
    """Of all agents it looks at each who takes part once; at messages only of those behind."""
    talk.asleep()
    values = {
        "agent": None, "fresh": numbers.FRESH_SECONDS.value,
        "window": numbers.AUTO_WINDOW_SECONDS.value, "gap": numbers.AUTO_GAP_SECONDS.value,
        "most": numbers.AUTO_MOST.value, "killed": "x", "limit": reconciling.MOST,
    }  # fmt: skip
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {reconciling._MISSED}", values)
        (told,) = cursor.fetchone()
        transaction.set_rollback(True)
    plan = (told if isinstance(told, list) else json.loads(told))[0]["Plan"]
    read_of = [rows for _, table, rows in scans(plan) if table == "threads_message"]
    assert sum(read_of) <= ROWS_MOST


def test_stranger__reads_nothing_at_the_same_price(talk: Talk) -> None:
    outsider = make.agent(make.workspace(), role="reviewer")
    actor = talk.by(outsider)
    values = {"thread": talk.thread.uid, "agent": actor.agent_id, "since": 0, "limit": 50,
              "workspaces": sorted(actor.workspace_ids), "mine": False, "held": None}  # fmt: skip
    bounded("read of a stranger", READ, values)
    with pytest.raises(Exception, match="no such thread"):
        services.read_messages(talk.thread.uid, actor=actor)
