"""Stages for those who read them by SQL: by the five names, by the eight there were before, and
summed up. Each source is added up alone before it is joined: joined first, one mission's rows
multiply another table's."""

from django.db import migrations

STAGES = """
CREATE VIEW stage_v3 AS
SELECT
    m.workspace_id,
    m.ref AS mission,
    m.uid AS mission_id,
    m.external_ref,
    m.mission_type,
    m.status,
    v.stage,
    s.label AS stage_v3,
    s.ord,
    v.attempt,
    v.entered_at,
    v.left_at,
    v.outcome,
    extract(epoch FROM COALESCE(v.left_at, now()) - v.entered_at) AS dwell_s
FROM missions_stagevisit v
JOIN missions_mission m ON m.id = v.mission_id
JOIN (VALUES
    ('define', 'Define', 1),
    ('prepare', 'Prepare', 2),
    ('plan_approve', 'Plan & Approve', 3),
    ('execute_observe', 'Execute & Observe', 4),
    ('reflect_improve', 'Reflect & Improve', 5)
) AS s (stage, label, ord) ON s.stage = v.stage;

CREATE VIEW stage_legacy AS
WITH names (name, label, ord, stage) AS (VALUES
    ('intake', 'Intake', 1, 'define'),
    ('mission_brief', 'Mission Brief', 2, 'define'),
    ('toolkits_connect', 'Toolkits & Connect', 3, 'prepare'),
    ('data_inspect', 'Data Inspect', 4, 'prepare'),
    ('plan', 'Plan', 5, 'plan_approve'),
    ('governed_execution', 'Governed Execution', 6, 'execute_observe'),
    ('evidence', 'Evidence', 7, 'execute_observe'),
    ('feedback', 'Feedback', 8, 'reflect_improve'))
SELECT
    v.workspace_id,
    v.mission,
    v.mission_id,
    v.external_ref,
    v.mission_type,
    v.status,
    n.name AS stage_legacy,
    n.label AS stage_legacy_label,
    n.ord,
    v.stage AS stage_v3,
    v.attempt,
    v.entered_at,
    v.left_at,
    v.outcome
FROM stage_v3 v
JOIN missions_mission m ON m.uid = v.mission_id
JOIN names n ON n.stage = v.stage
-- Of a row that came from the old system it is known in which of the two it was.
WHERE m.source <> 'import'
    OR n.name = ANY (m.stage_legacy)
    OR NOT EXISTS (SELECT 1 FROM names o
                    WHERE o.stage = v.stage AND o.name = ANY (m.stage_legacy));
"""
UNSTAGES = "DROP VIEW stage_legacy; DROP VIEW stage_v3;"

ROLLUP = """
CREATE VIEW mission_stage_rollup_vw AS
WITH stages (stage, ord, stage_v3, stage_legacy) AS (VALUES
    ('define', 1, 'Define', ARRAY['intake', 'mission_brief']),
    ('prepare', 2, 'Prepare', ARRAY['toolkits_connect', 'data_inspect']),
    ('plan_approve', 3, 'Plan & Approve', ARRAY['plan']),
    ('execute_observe', 4, 'Execute & Observe', ARRAY['governed_execution', 'evidence']),
    ('reflect_improve', 5, 'Reflect & Improve', ARRAY['feedback'])),
per_mission AS (
    SELECT m.workspace_id, v.stage, v.mission_id, max(v.attempt) AS attempts,
        sum(extract(epoch FROM v.left_at - v.entered_at)) FILTER (WHERE v.left_at IS NOT NULL)
            AS closed_s,
        bool_or(v.left_at IS NULL) AS is_open,
        (array_agg(v.outcome ORDER BY v.attempt DESC) FILTER (WHERE v.left_at IS NOT NULL))[1]
            AS last_outcome
    FROM missions_stagevisit v
    JOIN missions_mission m ON m.id = v.mission_id
    GROUP BY 1, 2, 3)
SELECT
    p.workspace_id,
    s.ord,
    s.stage,
    s.stage_v3,
    s.stage_legacy,
    count(p.mission_id) AS missions_entered,
    count(*) FILTER (WHERE p.is_open) AS missions_open,
    count(*) FILTER (WHERE p.last_outcome = 'completed' AND NOT p.is_open) AS missions_completed,
    count(*) FILTER (WHERE p.last_outcome = 'abandoned' AND NOT p.is_open) AS missions_abandoned,
    count(*) FILTER (WHERE p.attempts > 1) AS missions_reworked,
    count(*) FILTER (WHERE p.last_outcome = 'completed' AND NOT p.is_open)::numeric
        / NULLIF(count(*) FILTER (WHERE NOT p.is_open), 0) AS success_rate,
    percentile_cont(0.5) WITHIN GROUP (ORDER BY p.closed_s) FILTER (WHERE NOT p.is_open)
        AS dwell_p50_s,
    percentile_cont(0.95) WITHIN GROUP (ORDER BY p.closed_s) FILTER (WHERE NOT p.is_open)
        AS dwell_p95_s
FROM stages s
JOIN per_mission p ON p.stage = s.stage
GROUP BY 1, 2, 3, 4, 5;
"""
UNROLLUP = "DROP VIEW mission_stage_rollup_vw;"


class Migration(migrations.Migration):
    dependencies = [("missions", "0002_mission_guards")]
    operations = [
        migrations.RunSQL(STAGES, UNSTAGES),
        migrations.RunSQL(ROLLUP, UNROLLUP),
    ]
