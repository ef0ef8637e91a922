"""What tools take and answer beside the forms of the API: a route has the thread in its path, a
tool among its arguments."""

from __future__ import annotations

from rest_framework import serializers

from controlplane.base.api.serializers import RefField, StrictSerializer
from missions.threads import numbers
from missions.threads.api import forms
from missions.threads.api.forms import Additive
from missions.threads.models import Thread

LIST_MOST = 100


class ToolThread(Additive):
    thread_id = serializers.CharField(max_length=36, help_text="its id, or its ref such as THR-7")


class ToolThreadList(Additive):
    status = serializers.ChoiceField(choices=Thread.Status.values, required=False)
    type = serializers.ChoiceField(choices=Thread.Kind.values, required=False)
    mine = serializers.BooleanField(required=False, help_text="where one takes part, or owns it")
    item = RefField(required=False, help_text="key or uid of a work item")
    q = serializers.CharField(
        max_length=200, required=False, help_text="words of title or messages"
    )
    archived = serializers.BooleanField(required=False)
    limit = serializers.IntegerField(min_value=1, max_value=LIST_MOST, default=50)
    before = serializers.CharField(
        max_length=36, required=False, help_text="of a thread: those begun before it"
    )


class ToolThreadRows(StrictSerializer):
    threads = forms.ThreadRow(many=True)
    has_more = serializers.BooleanField(help_text="ask again with `before` as the last of these")


class ToolThreadChange(ToolThread, forms.ThreadChange):
    pass


class ToolStatusSet(ToolThread, forms.ThreadStatusSet):
    pass


class ToolSummaryAsk(ToolThread):
    max_messages = serializers.IntegerField(
        min_value=1, required=False, help_text="how many of the last messages are looked at"
    )


class ToolParticipantNew(ToolThread, forms.ThreadParticipantNew):
    pass


class ToolParticipantGone(ToolThread):
    agent_id = serializers.UUIDField()
    reason = serializers.CharField(max_length=500, required=False, allow_blank=True, default="")


class ToolMessageNew(ToolThread, forms.MessageNew):
    pass


class ToolMessagesAsk(ToolThread):
    since_seq = serializers.IntegerField(
        min_value=0, default=0, help_text="the number that was read last"
    )
    limit = serializers.IntegerField(
        min_value=1, max_value=numbers.READ_MAX.value, default=numbers.READ_DEFAULT.value
    )
    mine = serializers.BooleanField(default=False, help_text="only what is addressed to me")
    wait = serializers.FloatField(
        min_value=0, required=False,
        help_text="seconds that an answer without messages is held back for one that comes",
    )  # fmt: skip


class ToolAck(ToolThread, forms.ReadAck):
    pass


class ToolWakeAsk(ToolThread, forms.WakeAsk):
    pass


class ToolRuntimeGone(Additive):
    session_id = serializers.CharField(max_length=128)
    agent_id = serializers.UUIDField(
        required=False, help_text="whose it is; agents sign off their own and may leave it out"
    )
