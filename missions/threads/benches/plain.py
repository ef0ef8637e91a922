"""What threads are measured against: the same post and read the ordinary way, with DRF, serializers
and the ORM, the thread's row locked while the number is drawn.

It keeps the numbers gapless and answers a repeated key, as ours does. It writes no audit, guards
nothing, limits nobody's pace and wakes nobody: all of that is in ours alone.
"""

from __future__ import annotations

import hashlib
from typing import Any
from uuid import UUID

from django.db import transaction
from rest_framework import serializers
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied, ValidationError
from rest_framework.generics import get_object_or_404
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from controlplane.access.models import Agent, ApiKey
from missions.threads.models import Message, Participant, Thread


class _Who:
    is_authenticated = True

    def __init__(self, agent: Agent) -> None:
        self.agent = agent


class PlainAuthentication(BaseAuthentication):
    """One query for the key and its agent."""

    def authenticate(self, request: Request) -> tuple[Any, Any]:
        secret = str(request.headers.get("Authorization", "")).removeprefix("Bearer ")
        digest = hashlib.sha256(secret.encode()).digest()
        key = ApiKey.objects.select_related("agent").filter(secret_sha256=digest).first()
        if key is None or key.agent is None or key.revoked_at is not None:
            raise AuthenticationFailed
        return _Who(key.agent), key


def _agent(request: Request) -> Agent:
    who: Any = request.user
    agent: Agent = who.agent
    return agent


class PlainMessage(serializers.ModelSerializer[Message]):
    sender_agent_id = serializers.UUIDField(source="agent.uid", read_only=True)
    idempotency_key = serializers.CharField(required=False, max_length=200, write_only=True)

    class Meta:
        model = Message
        fields = (
            "uid", "seq", "schema_version", "kind", "event", "body", "metadata", "in_reply_to",
            "sender_agent_id", "idempotency_key", "created_at",
        )  # fmt: skip
        read_only_fields = ("uid", "seq", "schema_version", "created_at")


class PlainWords(serializers.Serializer[Any]):
    """Fields of the model are read-only, since only the portal's statement writes them: what is
    sent is said here."""

    body = serializers.CharField(max_length=65_536)
    kind = serializers.ChoiceField(choices=Message.Kind.choices, default="chat")
    metadata = serializers.JSONField(default=dict)
    in_reply_to = serializers.IntegerField(required=False, allow_null=True)
    idempotency_key = serializers.CharField(required=False, max_length=200)


class PlainMessages(APIView):
    authentication_classes = [PlainAuthentication]
    permission_classes = [IsAuthenticated]
    throttle_classes: list[Any] = []

    def post(self, request: Request, thread: UUID) -> Response:
        given = PlainWords(data=request.data)
        given.is_valid(raise_exception=True)
        values = given.validated_data
        with transaction.atomic():
            row = get_object_or_404(Thread.objects.select_for_update(), uid=thread)
            self.require_participant(request, row)
            if row.status == Thread.Status.CLOSED:
                raise ValidationError("The thread is closed.")
            key = values.get("idempotency_key")
            said = Message.objects.filter(
                thread=row, agent=_agent(request), idempotency_key=key
            ).first()
            if key and said is not None:
                return Response(PlainMessage(said).data)
            row.last_seq += 1
            made = Message.objects.create(
                thread=row, seq=row.last_seq, agent=_agent(request), content_hash=b"",
                sender_ref=f"agent:{_agent(request).uid}", sender_label=_agent(request).name,
                **values,
            )  # fmt: skip
            row.last_message_at = made.created_at
            row.save(update_fields=["last_seq", "last_message_at"])
        return Response(PlainMessage(made).data, status=201)

    def get(self, request: Request, thread: UUID) -> Response:
        row = get_object_or_404(Thread, uid=thread)
        self.require_participant(request, row)
        since = int(request.query_params.get("since_seq", 0))
        limit = min(int(request.query_params.get("limit", 50)), 200)
        rows = list(
            Message.objects.filter(thread=row, seq__gt=since)
            .select_related("agent")
            .order_by("seq")[: limit + 1]
        )
        shown = PlainMessage(rows[:limit], many=True).data
        return Response({"messages": shown, "has_more": len(rows) > limit})

    def require_participant(self, request: Request, row: Thread) -> None:
        here = Participant.objects.filter(thread=row, agent=_agent(request), left_at=None)
        if not here.exists():
            raise PermissionDenied
