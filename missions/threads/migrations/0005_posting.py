"""Posting: who may, whether it was said before, the pace, the number, the guards, the message, the
audit, and a wake for each who sleeps, all by one call.

The database goes these steps only as far as they are needed: most messages wake nobody and trip no
guard, and a statement that held all of it would be set up whole each time.
"""

from django.db import migrations

# `v` is what is said and by whom, with the numbers that guard it: one document, so that a caller's
# fifty values cross the wire as one. Rows are always taken in the order pulse, thread, wakes.
POST = """
CREATE FUNCTION threads_post(
    v jsonb,
    OUT thread_pk bigint, OUT workspace_pk bigint, OUT ours boolean, OUT thread_status text,
    OUT takes_part boolean, OUT addressed bigint,
    OUT said_uid uuid, OUT said_seq bigint, OUT said_hash bytea, OUT said_at timestamptz,
    OUT posted_uid uuid, OUT posted_seq bigint, OUT posted_at timestamptz, OUT status_now text,
    OUT tripped boolean, OUT guard text, OUT newest_seq bigint,
    OUT paced boolean, OUT woken bigint, OUT noted bigint
) LANGUAGE plpgsql AS $$
DECLARE
    me CONSTANT bigint := (v->>'agent')::bigint;  -- null: a person, a service or the portal
    "to" CONSTANT text := v->>'to';
    to_role CONSTANT text := v->>'to_role';
    named CONSTANT bigint[] := (v->>'to_agents')::bigint[];
    sender CONSTANT text := v->>'sender_ref';
    key CONSTANT text := v->>'key';
    opens CONSTANT text := v->>'opens';
    moves CONSTANT boolean := (v->>'moves')::boolean;
    turn CONSTANT boolean := (v->>'turn')::boolean;
    chain CONSTANT text := v->>'correlation_id';
    t record;
    x record;
    gap interval;
    ahead interval;
    finding text;
    times integer := 0;
    turns integer;
    unsettled jsonb;
    why text := '';
    sleepers bigint[];
BEGIN
    addressed := 0; paced := false; woken := 0; noted := 0;
    SELECT th.id, th.uid, th.workspace_id, th.ref, th.title, th.status, th.wakes_paused,
        p.id AS part, s.uid AS said_uid, s.seq, s.content_hash, s.created_at AS said_at
    INTO t
    FROM threads_thread th
    LEFT JOIN threads_participant p
        ON p.thread_id = th.id AND p.agent_id = me AND p.left_at IS NULL
    LEFT JOIN threads_message s
        ON s.thread_id = th.id AND s.sender_ref = sender AND s.idempotency_key = key
    WHERE th.uid = (v->>'thread')::uuid;
    IF NOT FOUND THEN
        takes_part := me IS NULL;
        RETURN;
    END IF;
    thread_pk := t.id; workspace_pk := t.workspace_id; thread_status := t.status;
    said_uid := t.said_uid; said_seq := t.seq; said_hash := t.content_hash; said_at := t.said_at;
    ours := t.workspace_id = ANY ((v->>'workspaces')::bigint[]);
    takes_part := me IS NULL OR t.part IS NOT NULL;
    IF "to" <> 'all' THEN
        SELECT count(*) INTO addressed FROM threads_participant r
        WHERE r.thread_id = t.id AND r.left_at IS NULL AND r.agent_id IS DISTINCT FROM me
            AND ("to" = 'role' AND r.role = to_role
                OR "to" = 'agents' AND r.agent_id = ANY (named));
    END IF;
    IF NOT ours OR NOT takes_part OR said_uid IS NOT NULL
            OR "to" <> 'all' AND addressed < greatest(1, cardinality(named)) THEN
        RETURN;
    END IF;

    IF me IS NOT NULL THEN
        gap := (v->>'agent_gap')::float8 * interval '1 second';
        ahead := (v->>'agent_ahead')::float8 * interval '1 second';
        UPDATE threads_agentpulse u SET seen_at = clock_timestamp(),
            paced_until = greatest(u.paced_until, clock_timestamp()) + gap
        WHERE u.agent_id = me AND u.paced_until <= clock_timestamp() + ahead;
        IF NOT FOUND THEN  -- too fast, or its first sign of life
            INSERT INTO threads_agentpulse AS u (agent_id, seen_at, paced_until, wakes_paused)
            VALUES (me, clock_timestamp(), clock_timestamp() + gap, false)
            ON CONFLICT (agent_id) DO UPDATE SET seen_at = clock_timestamp(),
                paced_until = greatest(u.paced_until, clock_timestamp()) + gap
            WHERE u.paced_until <= clock_timestamp() + ahead;
            IF NOT FOUND THEN
                RETURN;
            END IF;
        END IF;
    END IF;
    paced := true;

    -- Locked from here to the commit: numbers have no gaps, their order is that of the commits, and
    -- whoever waited here has the guards judged on the row as it is then.
    SELECT th.last_seq, th.status, th.paced_until, th.idle_turns, th.findings INTO x
    FROM threads_thread th WHERE th.id = t.id FOR NO KEY UPDATE;
    -- The pace of a thread holds agents: who stops a flood of theirs says so in the thread.
    ahead := (v->>'thread_ahead')::float8 * interval '1 second';
    IF NOT (x.status IN ('active', 'resolved') OR x.status = 'blocked' AND (v->>'leads')::boolean)
            OR turn AND x.paced_until > clock_timestamp() + ahead
            OR (v->>'reply')::bigint > x.last_seq THEN
        RETURN;
    END IF;

    turns := CASE WHEN moves THEN 0 WHEN turn THEN x.idle_turns + 1 ELSE x.idle_turns END;
    unsettled := x.findings;
    IF opens IS NOT NULL THEN
        -- A finding beyond the number that is counted apart is counted with the others.
        finding := CASE WHEN unsettled ? opens
            OR (SELECT count(*) FROM jsonb_object_keys(unsettled)) < (v->>'findings_open')::int THEN opens ELSE 'others' END;
        times := coalesce((unsettled->>finding)::int, 0) + 1;
        unsettled := unsettled || jsonb_build_object(finding, times);
    ELSIF v->>'settles' IS NOT NULL THEN
        unsettled := unsettled - (v->>'settles');
    END IF;
    IF x.status = 'active' AND opens IS NOT NULL AND times >= (v->>'cycles')::int THEN
        guard := 'repeated_finding'; why := v->>'loop_text';
    ELSIF x.status = 'active' AND turn AND NOT moves AND turns >= (v->>'idle_most')::int THEN
        guard := 'no_progress'; why := v->>'idle_text';
    END IF;
    tripped := guard IS NOT NULL;
    posted_uid := (v->>'uid')::uuid;
    posted_seq := x.last_seq + 1;
    posted_at := clock_timestamp();
    newest_seq := x.last_seq + CASE WHEN tripped THEN 2 ELSE 1 END;
    status_now := CASE WHEN tripped THEN 'blocked' ELSE x.status END;

    gap := (v->>'thread_gap')::float8 * interval '1 second';
    UPDATE threads_thread th SET last_seq = newest_seq, idle_turns = turns,
        findings = unsettled, last_message_at = posted_at,
        paced_until = greatest(th.paced_until, posted_at) + gap
    WHERE th.id = t.id;
    INSERT INTO threads_message (uid, thread_id, seq, schema_version, kind, event, body, metadata,
        in_reply_to, "to", to_role, to_agents, sender_ref, sender_label, agent_id, user_id,
        session, idempotency_key, content_hash, correlation_id, created_at)
    VALUES (posted_uid, t.id, posted_seq, (v->>'schema_version')::smallint, v->>'kind',
        v->>'event', v->>'body', v->'metadata', (v->>'reply')::bigint, "to", to_role, named, sender,
        v->>'sender_label', me, (v->>'user')::bigint, v->>'session', key,
        decode(v->>'hash', 'hex'), chain, posted_at);
    INSERT INTO audit_auditevent (uid, workspace_id, actor_kind, actor_ref, actor_label, action,
        subject_type, subject_ref, subject_label, outcome, reason, rule, details, source,
        request_id, correlation_id, address)
    VALUES ((v->>'audit_uid')::uuid, t.workspace_id, v->>'actor_kind', sender,
        v->>'sender_label', 'thread.post', 'threads.thread', 'threads.thread:' || t.id,
        left(t.ref || ' ' || t.title, 200), 'done', '', '',
        jsonb_build_object('seq', posted_seq, 'kind', v->>'kind', 'event', v->>'event',
            'session', v->>'session'),
        v->>'source', v->>'request_id', chain, v->>'address');
    IF tripped THEN
        PERFORM threads_guard_trips(t.id, guard, why, newest_seq, posted_at, v);
    END IF;

    IF t.wakes_paused THEN
        RETURN;
    END IF;
    SELECT array_agg(r.id ORDER BY r.id) INTO sleepers
    FROM threads_participant r LEFT JOIN threads_agentpulse u ON u.agent_id = r.agent_id
    WHERE r.thread_id = t.id AND r.left_at IS NULL AND r.agent_id IS DISTINCT FROM me AND r.wakes
        AND ("to" = 'all' OR "to" = 'role' AND r.role = to_role
            OR "to" = 'agents' AND r.agent_id = ANY (named))
        AND NOT coalesce(u.wakes_paused, false)
        AND coalesce(u.seen_at, '-infinity')
            < clock_timestamp() - (v->>'fresh')::float8 * interval '1 second';
    IF sleepers IS NOT NULL THEN
        SELECT w.woken, w.fresh INTO woken, noted
        FROM threads_wake(t.id, sleepers, posted_seq, newest_seq, posted_at, v) w;
        IF noted > 0 THEN
            noted := 1;
            PERFORM pg_notify('threads_wake', '');
        END IF;
    END IF;
END $$;

-- A guard that trips blocks the thread, says so in it, and leaves a signal for whoever escalates.
CREATE FUNCTION threads_guard_trips(
    pk bigint, guard text, why text, newest bigint, at timestamptz, v jsonb
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    chain CONSTANT text := v->>'correlation_id';
    t record;
BEGIN
    UPDATE threads_thread th SET guarded_seq = newest, status = 'blocked',
        status_at = clock_timestamp(), status_reason = why, blocked_by = guard,
        version = th.version + 1
    WHERE th.id = pk
    RETURNING th.workspace_id, th.uid, th.ref, th.title INTO t;
    INSERT INTO threads_message (uid, thread_id, seq, schema_version, kind, event, body, metadata,
        in_reply_to, "to", to_role, to_agents, sender_ref, sender_label, agent_id, user_id,
        session, idempotency_key, content_hash, correlation_id, created_at)
    VALUES ((v->>'system_uid')::uuid, pk, newest, 1, 'system', '', why,
        jsonb_build_object('guard', guard), NULL, 'all', '', ARRAY[]::bigint[],
        v->>'portal_ref', v->>'portal_label', NULL, NULL, '', NULL, ''::bytea, chain, at);
    INSERT INTO audit_auditevent (uid, workspace_id, actor_kind, actor_ref, actor_label, action,
        subject_type, subject_ref, subject_label, outcome, reason, rule, after, details, source,
        request_id, correlation_id, address)
    VALUES ((v->>'guard_uid')::uuid, t.workspace_id, 'job', v->>'portal_ref', v->>'portal_label',
        'thread.escalate', 'threads.thread', 'threads.thread:' || pk,
        left(t.ref || ' ' || t.title, 200), 'done', why, '',
        jsonb_build_object('status', 'blocked', 'blocked_by', guard),
        jsonb_build_object('guard', guard, 'seq', newest),
        v->>'source', v->>'request_id', chain, v->>'address');
    INSERT INTO base_signal (workspace_id, kind, key, payload, correlation_id, max_attempts,
        ready_at, state, attempts, last_error, created_at)
    VALUES (t.workspace_id, v->>'signal', t.uid || ':' || newest,
        jsonb_build_object('thread', t.uid, 'guard', guard, 'seq', newest, 'reason', why),
        chain, (v->>'signal_attempts')::smallint, statement_timestamp(), 'waiting', 0, '',
        statement_timestamp())
    ON CONFLICT (kind, key) DO NOTHING;
END $$;

-- One open wake for each who sleeps, later where the one before changed nothing.
CREATE FUNCTION threads_wake(
    pk bigint, sleepers bigint[], first_seq bigint, newest bigint, at timestamptz, v jsonb,
    OUT woken bigint, OUT fresh bigint
) LANGUAGE plpgsql AS $$
DECLARE
    span CONSTANT interval := (v->>'auto_window')::float8 * interval '1 second';
    gap CONSTANT interval := (v->>'auto_gap')::float8 * interval '1 second';
    most CONSTANT integer := (v->>'auto_most')::int;
BEGIN
    UPDATE threads_waketrigger w SET to_seq = newest
    WHERE w.participant_id = ANY (sleepers) AND w.state IN ('waiting', 'leased');
    GET DIAGNOSTICS woken = ROW_COUNT;
    fresh := 0;
    IF woken = cardinality(sleepers) THEN
        RETURN;
    END IF;
    WITH opened AS (
        INSERT INTO threads_waketrigger AS w (state, ready_at, attempts, max_attempts, last_error,
            created_at, uid, workspace_id, thread_id, participant_id, agent_id, status, reason,
            why, prompt, from_seq, to_seq, forced, asked_by, live_tries, resume_tries,
            spawn_tries, deferrals, acked_by, result, error_code, message_at, correlation_id,
            version)
        SELECT 'waiting', CASE WHEN coalesce(before.n, 0) = 0 THEN statement_timestamp()
                WHEN before.n >= most THEN before.first + span
                ELSE greatest(statement_timestamp(), before.last + gap) END,
            0, (v->>'wake_attempts')::smallint, '', clock_timestamp(), gen_random_uuid(),
            th.workspace_id, pk, a.id, a.agent_id, 'queued', 'unread', '', '', first_seq, newest,
            false, '', 0, 0, 0, 0, '', '', '', at, v->>'correlation_id', 1
        FROM threads_thread th
        JOIN threads_participant a ON a.id = ANY (sleepers)
        LEFT JOIN LATERAL (
            SELECT count(*) AS n, min(w0.created_at) AS first, max(w0.created_at) AS last
            FROM (SELECT created_at FROM threads_waketrigger
                WHERE participant_id = a.id AND created_at > clock_timestamp() - span
                    AND created_at > coalesce(a.read_at, '-infinity')
                ORDER BY id DESC LIMIT most) w0
        ) before ON true
        WHERE th.id = pk
        ORDER BY a.id
        ON CONFLICT (participant_id) WHERE state IN ('waiting', 'leased')
            DO UPDATE SET to_seq = greatest(w.to_seq, excluded.to_seq)
        RETURNING w.xmax = 0 AS fresh
    )
    SELECT count(*), count(*) FILTER (WHERE o.fresh) INTO woken, fresh FROM opened o;
END $$;
"""
BACK = """
DROP FUNCTION threads_post(jsonb);
DROP FUNCTION threads_guard_trips(bigint, text, text, bigint, timestamptz, jsonb);
DROP FUNCTION threads_wake(bigint, bigint[], bigint, bigint, timestamptz, jsonb);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("threads", "0004_wake_guards"),
        ("audit", "0002_guards"),
        ("base", "0001_base_tables"),
    ]

    operations = [migrations.RunSQL(POST, BACK)]
