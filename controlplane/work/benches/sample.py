"""A large graph of the shape that real ones have: 1.5 edges an item, most of them blocking, a
quarter under a parent, 60 % closed, a chain of a thousand, a hub that ten thousand wait for."""

from __future__ import annotations

from django.db import connection, transaction

from controlplane.work.models import Item, Project
from controlplane.work.services import graph

HUB = 10_000
CHAIN = 1_000

_ITEMS = """
    INSERT INTO work_item (
        uid, workspace_id, project_id, key, title, description, design, acceptance_criteria,
        notes, spec_id, status, category, priority, item_type, assignee, owner, created_by,
        labels, external_ref, source_system, metadata, extra, created_at, updated_at, closed_at,
        close_reason, closed_by_session, close_forced, ephemeral, subject, ensure_key, in_backlog,
        stage, kpi, readiness_artifact, backlog_category, evidence_url, open_blockers, blocked,
        last_child, revision
    )
    SELECT gen_random_uuid(), %(workspace)s, %(project)s, 'bd-' || n, 'Item number ' || n,
        'Something to do about part ' || n %% 97, '', '', '', '',
        CASE WHEN closed THEN 'closed' ELSE 'open' END,
        CASE WHEN closed THEN 'done' ELSE 'active' END,
        n %% 5, CASE WHEN n %% 20 = 0 THEN 'epic' ELSE 'task' END,
        CASE WHEN n %% 4 = 0 THEN 'worker-' || n %% 40 ELSE '' END, '', 'bench',
        CASE WHEN n %% 50 = 7 THEN ARRAY['ops', 'deployment'] ELSE ARRAY['area-' || n %% 30] END,
        '', '', '{}', '{}', at, at, CASE WHEN closed THEN at END,
        '', '', false, false, '', '', false, '', '', '', '', '', 0, false, 0, 1
    FROM (
        SELECT n, random() < 0.6 AND n > %(plain)s AS closed,
            timestamptz '2026-01-01' + n * interval '1 second' AS at
        FROM generate_series(1, %(items)s) n
    ) rows
"""
# The first items are the hub, then the chain: open, so that all of it is held up.
_HUB = """
    SELECT n, 1, 'blocks' FROM generate_series(%(after)s, %(after)s + %(hub)s - 1) n
"""
_CHAIN = "SELECT n + 1, n, 'blocks' FROM generate_series(2, %(chain)s) n"
_ANY = """
    SELECT n, 1 + floor(random() * (n - 1))::bigint,
        CASE WHEN random() < 0.8 THEN 'blocks' ELSE 'related' END
    FROM generate_series(%(after)s, %(items)s) n WHERE random() < 1.0
"""
_PARENTS = """
    SELECT n, %(after)s + floor(random() * (n - %(after)s))::bigint, 'parent-child'
    FROM generate_series(%(after)s + 1, %(items)s) n WHERE random() < 0.36
"""
_EDGES = """
    INSERT INTO work_dependency (
        item_id, target_id, target_name, kind, unmet, metadata, thread_id, created_at, created_by
    )
    SELECT a.id, b.id, '', pairs.kind, false, '{{}}', '', now(), 'bench'
    FROM ({pairs}) AS pairs(item, target, kind)
    JOIN work_item a ON a.key = 'bd-' || pairs.item AND a.project_id = %(project)s
    JOIN work_item b ON b.key = 'bd-' || pairs.target AND b.project_id = %(project)s
    WHERE a.id <> b.id
    ON CONFLICT DO NOTHING
"""
_MIRROR = """
    UPDATE work_item i SET parent_id = e.target_id FROM work_dependency e
    WHERE e.item_id = i.id AND e.kind = 'parent-child' AND i.project_id = %(project)s
"""


@transaction.atomic
def fill(project: Project, items: int) -> Item:
    """Write the graph, set-based. Answers the hub."""
    graph.lock(project.workspace_id)
    values = {
        "workspace": project.workspace_id,
        "project": project.pk,
        "items": items,
        "plain": CHAIN + 1,
        "chain": CHAIN,
        "after": CHAIN + 2,
        "hub": min(HUB, items // 10),
    }
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")
        cursor.execute("SELECT setseed(0.42)")
        cursor.execute(_ITEMS, values)
        # Or the planner takes the table for a small one and looks through all of it for each edge.
        cursor.execute("ANALYZE work_item")
        for pairs in (_HUB, _CHAIN, _PARENTS, _ANY):
            cursor.execute(_EDGES.format(pairs=pairs), values)
        cursor.execute(_MIRROR, values)
        graph.rebuild(project.workspace_id)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE work_item")
        cursor.execute("ANALYZE work_dependency")
    hub: Item = project.items.get(key="bd-1")
    return hub
