"""What is sent and what is answered. Fields that a form doesn't know are left alone: senders of a
later version add some."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers

from controlplane.access.models import Agent
from controlplane.base.api.serializers import RefField, StrictSerializer
from controlplane.lib.given import refuse
from missions.threads.drafts import KINDS
from missions.threads.models import RuntimeSession, Thread, WakeTrigger

TAGS = ["threads"]
_VERSION_HELP = "1; left out, it is 1"


class Additive(StrictSerializer):
    def _strange(self, data: Mapping[str, Any]) -> dict[str, str]:
        found = super()._strange(data)
        return {name: told for name, told in found.items() if name in self.fields}


class Versioned(Additive):
    schema_version = serializers.IntegerField(required=False, help_text=_VERSION_HELP)


# --- Threads -------------------------------------------------------------------------------------


class ThreadParticipantNew(Additive):
    agent_id = serializers.UUIDField()
    role = serializers.CharField(
        max_length=40, required=False, allow_blank=True,
        help_text="what messages may be addressed to; the agent's own where it is left out",
    )  # fmt: skip


class ThreadNew(Versioned):
    title = serializers.CharField(max_length=200)
    type = serializers.ChoiceField(choices=Thread.Kind.values, default="conversation")
    participants = ThreadParticipantNew(
        many=True, required=False, help_text="an agent that begins a thread takes part by itself"
    )
    owner = serializers.UUIDField(required=False, allow_null=True, help_text="a person's uid")
    escalation_owner = serializers.UUIDField(required=False, allow_null=True)
    item = RefField(required=False, allow_null=True, help_text="key or uid of a work item")


class ThreadChange(Versioned):
    title = serializers.CharField(max_length=200, required=False)
    owner = serializers.UUIDField(required=False, allow_null=True, help_text="a person's uid")
    escalation_owner = serializers.UUIDField(required=False, allow_null=True)
    item = RefField(required=False, allow_null=True, help_text="key or uid of a work item")


class ThreadRow(StrictSerializer):
    thread_id = serializers.UUIDField(source="uid")
    ref = serializers.CharField()
    workspace_id = serializers.UUIDField(source="workspace.uid")
    title = serializers.CharField()
    type = serializers.ChoiceField(choices=Thread.Kind.values, source="kind")
    status = serializers.ChoiceField(choices=Thread.Status.values)
    status_reason = serializers.CharField()
    blocked_by = serializers.CharField(help_text="the guard that blocked it; empty: somebody did")
    owner = serializers.UUIDField(source="owner.uid", allow_null=True)
    escalation_owner = serializers.UUIDField(source="escalation_owner.uid", allow_null=True)
    item = serializers.CharField(source="item.key", allow_null=True)
    wakes_paused = serializers.BooleanField()
    last_seq = serializers.IntegerField()
    last_message_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField(source="status_at", help_text="of its status")
    archived_at = serializers.DateTimeField(allow_null=True)
    cleared_at = serializers.DateTimeField(
        allow_null=True, help_text="when its messages were removed by their time"
    )
    version = serializers.IntegerField()


class ThreadParticipantRow(StrictSerializer):
    agent_id = serializers.UUIDField()
    name = serializers.CharField()
    role = serializers.CharField()
    wakes = serializers.BooleanField(help_text="woken for what is said in this thread")
    last_read_seq = serializers.IntegerField()
    joined_at = serializers.DateTimeField()
    left_at = serializers.DateTimeField(allow_null=True)


class ThreadParticipantChange(StrictSerializer):
    wakes = serializers.BooleanField()
    reason = serializers.CharField(max_length=500, required=False, allow_blank=True, default="")


class ThreadParticipants(StrictSerializer):
    participants = ThreadParticipantRow(many=True)


class ThreadWhole(ThreadRow):
    participants = ThreadParticipantRow(many=True)


class ThreadStatusSet(Versioned):
    status = serializers.ChoiceField(choices=Thread.Status.values)
    reason = serializers.CharField(
        max_length=500, required=False, allow_blank=True,
        help_text="asked for to block, to unblock and to open again; closing what is not resolved"
        " begins with human_override: or coordinator_override:",
    )  # fmt: skip
    version = serializers.IntegerField(required=False, help_text="of the thread, as it was read")


class ThreadPutAway(Versioned):
    reason = serializers.CharField(max_length=500, required=False, allow_blank=True)


class ThreadFinding(StrictSerializer):
    finding = serializers.CharField()
    status = serializers.ChoiceField(choices=["open", "verified"])
    times = serializers.IntegerField()
    first_seq = serializers.IntegerField()
    last_seq = serializers.IntegerField()
    what = serializers.CharField()
    by = serializers.CharField()


class ThreadDecision(StrictSerializer):
    seq = serializers.IntegerField()
    event_type = serializers.CharField()
    by = serializers.CharField()
    what = serializers.CharField()


class ThreadWaitedFor(StrictSerializer):
    agent_id = serializers.UUIDField()
    name = serializers.CharField()
    role = serializers.CharField()
    last_read_seq = serializers.IntegerField()


class ThreadSummary(StrictSerializer):
    thread_id = serializers.UUIDField()
    ref = serializers.CharField()
    summary = serializers.CharField(help_text="in a sentence")
    last_status = serializers.CharField()
    status_reason = serializers.CharField(allow_blank=True)
    messages = serializers.IntegerField()
    looked_at = serializers.IntegerField(help_text="how many of the last messages it is made of")
    by_kind = serializers.DictField(child=serializers.IntegerField())
    by_sender = serializers.DictField(child=serializers.IntegerField())
    open_items = ThreadFinding(many=True)
    closed_items = ThreadFinding(many=True)
    decisions = ThreadDecision(many=True)
    waiting_for = ThreadWaitedFor(many=True)


# --- Messages ------------------------------------------------------------------------------------


class MessageNew(Versioned):
    """`to` is `"all"`, `{"role": "reviewer"}` or `{"agents": [ids]}`."""

    body = serializers.CharField(max_length=65_536)
    kind = serializers.ChoiceField(choices=list(KINDS), default="chat")
    event_type = serializers.CharField(max_length=60, required=False, help_text="of kind event")
    metadata = serializers.DictField(required=False)
    in_reply_to = serializers.IntegerField(required=False, allow_null=True, min_value=1)
    to = serializers.JSONField(required=False)
    idempotency_key = serializers.CharField(max_length=200, required=False)
    sender_agent_id = serializers.UUIDField(required=False, help_text="only who it is anyway")
    sender_session_id = serializers.CharField(max_length=128, required=False)


class MessagePosted(StrictSerializer):
    message_id = serializers.UUIDField()
    thread_id = serializers.UUIDField()
    seq = serializers.IntegerField()
    thread_status = serializers.ChoiceField(choices=Thread.Status.values)
    created_at = serializers.DateTimeField()


class MessageAddress(StrictSerializer):
    kind = serializers.ChoiceField(choices=["all", "role", "agents"])
    role = serializers.CharField(allow_null=True)
    agents = serializers.ListField(child=serializers.UUIDField())


class MessageSender(StrictSerializer):
    kind = serializers.ChoiceField(choices=["agent", "person", "system"])
    agent_id = serializers.UUIDField(allow_null=True)
    name = serializers.CharField()
    session_id = serializers.CharField(allow_null=True)


class MessageRow(StrictSerializer):
    message_id = serializers.UUIDField()
    seq = serializers.IntegerField()
    schema_version = serializers.IntegerField()
    kind = serializers.ChoiceField(choices=list(KINDS))
    event_type = serializers.CharField(allow_null=True)
    body = serializers.CharField()
    metadata = serializers.DictField()
    in_reply_to = serializers.IntegerField(allow_null=True)
    to = MessageAddress()
    sender = MessageSender()
    created_at = serializers.DateTimeField()


class MessagePage(StrictSerializer):
    messages = MessageRow(many=True)
    next_seq = serializers.IntegerField(help_text="what to ask after next")
    has_more = serializers.BooleanField()
    last_seq = serializers.IntegerField()
    thread_status = serializers.ChoiceField(choices=Thread.Status.values)
    last_read_seq = serializers.IntegerField(allow_null=True, help_text="the reader's own cursor")


class ReadAck(Versioned):
    last_read_seq = serializers.IntegerField(min_value=0)


class ReadAcked(StrictSerializer):
    ok = serializers.BooleanField()
    last_read_seq = serializers.IntegerField()
    updated_at = serializers.DateTimeField()


# --- What is unread ------------------------------------------------------------------------------


class UnreadThread(StrictSerializer):
    thread_id = serializers.UUIDField()
    ref = serializers.CharField()
    title = serializers.CharField()
    status = serializers.ChoiceField(choices=Thread.Status.values)
    role = serializers.CharField()
    last_seq = serializers.IntegerField()
    last_read_seq = serializers.IntegerField()
    unread = serializers.IntegerField(help_text="addressed to me and of others; counted to 1,000")
    ack_required = serializers.IntegerField(help_text="of these, with ack_required in metadata")
    first_seq = serializers.IntegerField(help_text="the first of these")
    last_message_at = serializers.DateTimeField(allow_null=True)


class UnreadThreads(StrictSerializer):
    threads = UnreadThread(many=True)
    unread = serializers.IntegerField()
    ack_required = serializers.IntegerField()
    has_more = serializers.BooleanField(help_text="more threads than are shown")


# --- Wakes and runtimes --------------------------------------------------------------------------


class WakeAsk(Versioned):
    target_agent_id = serializers.UUIDField()
    reason = serializers.CharField(max_length=500)
    trigger_prompt = serializers.CharField(max_length=8_192, required=False, allow_blank=True)
    force = serializers.BooleanField(
        default=False, help_text="also while a person types there: operators only"
    )
    request_key = serializers.CharField(
        max_length=200, required=False, help_text="asked again with it, the same wake is answered"
    )


class WakeRow(StrictSerializer):
    trigger_id = serializers.UUIDField(source="uid")
    target_agent_id = serializers.UUIDField(source="agent.uid")
    status = serializers.ChoiceField(choices=WakeTrigger.Status.values)
    reason = serializers.ChoiceField(choices=WakeTrigger.Reason.values)
    why = serializers.CharField()
    from_seq = serializers.IntegerField()
    to_seq = serializers.IntegerField()
    forced = serializers.BooleanField()
    live_tries = serializers.IntegerField()
    resume_tries = serializers.IntegerField()
    spawn_tries = serializers.IntegerField()
    deferrals = serializers.IntegerField()
    sent_at = serializers.DateTimeField(allow_null=True)
    acked_at = serializers.DateTimeField(allow_null=True)
    acked_by = serializers.CharField()
    result = serializers.CharField(help_text="triggered, already_active, failed, fallback_spawned")
    error_code = serializers.CharField()
    target_session_id = serializers.CharField(source="session.session_id", allow_null=True)
    created_at = serializers.DateTimeField()


class SessionBeat(Versioned):
    session_id = serializers.CharField(max_length=128)
    runtime = serializers.CharField(max_length=60)
    status = serializers.ChoiceField(choices=RuntimeSession.Status.values, default="active")
    resumable = serializers.BooleanField(default=False)
    management_mode = serializers.ChoiceField(
        choices=RuntimeSession.Management.values, default="unmanaged",
        help_text="heard when the beat registers the session; later beats don't change it",
    )  # fmt: skip
    operator_busy_s = serializers.IntegerField(
        required=False, allow_null=True, min_value=0, max_value=3_600,
        help_text="a person types there: leave it to them for so long; 0 when they stopped",
    )  # fmt: skip


class SessionBeaten(StrictSerializer):
    ok = serializers.BooleanField()
    runtime_id = serializers.UUIDField()
    recorded_at = serializers.DateTimeField()


class RuntimeNew(Versioned):
    agent_id = serializers.UUIDField(
        required=False, help_text="whose it is; agents register their own and may leave it out"
    )
    session_id = serializers.CharField(max_length=128)
    runtime = serializers.CharField(max_length=60)
    adapter = serializers.ChoiceField(choices=RuntimeSession.Adapter.values, default="pull")
    target = serializers.CharField(max_length=500, required=False, allow_blank=True)
    secret = serializers.CharField(
        max_length=500, required=False, allow_blank=True, help_text="signs calls of a webhook"
    )
    management_mode = serializers.ChoiceField(
        choices=RuntimeSession.Management.values, default="managed"
    )
    resumable = serializers.BooleanField(default=False)


class RuntimeRow(StrictSerializer):
    runtime_id = serializers.UUIDField(source="uid")
    agent_id = serializers.UUIDField(source="agent.uid")
    session_id = serializers.CharField()
    runtime = serializers.CharField()
    adapter = serializers.ChoiceField(choices=RuntimeSession.Adapter.values)
    target = serializers.CharField()
    management_mode = serializers.ChoiceField(
        choices=RuntimeSession.Management.values, source="management"
    )
    resumable = serializers.BooleanField()
    status = serializers.ChoiceField(choices=RuntimeSession.Status.values)
    paused = serializers.BooleanField()
    operator_busy_until = serializers.DateTimeField(allow_null=True)
    connected_until = serializers.DateTimeField(
        allow_null=True,
        help_text="of a session that is pushed to: until when its stream is taken for open",
    )
    disabled_reason = serializers.CharField()
    beat_at = serializers.DateTimeField()
    version = serializers.IntegerField()


# --- Names of the outside, as rows ---------------------------------------------------------------


def agent_of(workspace: Any, uid: Any, field: str = "agent_id") -> Agent:
    """An agent of this workspace."""
    found = Agent.objects.filter(workspace=workspace, uid=uid).first()
    if found is None:
        raise refuse(field, "No such agent in this workspace.")
    return found
