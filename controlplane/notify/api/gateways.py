"""Where gateways to telephones tell us: receipts, text messages that came in, keys that were
pressed. Each call is signed with the gateway's secret, in its own way."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any
from urllib.parse import parse_qsl
from uuid import UUID
from xml.sax.saxutils import escape

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from rest_framework import serializers

from controlplane.base.api import bodies
from controlplane.base.api.plain import plain_view
from controlplane.base.api.schema import PortalSchema
from controlplane.base.api.serializers import NoInput, StrictSerializer
from controlplane.base.api.views import ANYONE
from controlplane.lib import http, strictjson
from controlplane.lib.defaults import define
from controlplane.lib.errors import Invalid, NotAllowed, NotFound
from controlplane.notify import services
from controlplane.notify.channels import voice
from controlplane.notify.channels.gateways import TWILIO
from controlplane.notify.models import GATEWAYS, Channel, Delivery, Reply

MAX_CALLBACK = define(
    "notify.max_callback_bytes",
    64 * 1024,
    unit="bytes",
    why="A receipt has some hundred bytes, the longest text message some thousand.",
)
Receipt = Delivery.Receipt
# What the providers call it, of messages and of calls.
RECEIPTS = {
    "accepted": Receipt.QUEUED, "queued": Receipt.QUEUED, "scheduled": Receipt.QUEUED,
    "sending": Receipt.QUEUED, "sent": Receipt.QUEUED, "initiated": Receipt.QUEUED,
    "ringing": Receipt.QUEUED, "in-progress": Receipt.QUEUED,
    "delivered": Receipt.DELIVERED, "read": Receipt.DELIVERED,
    "completed": Receipt.ANSWERED, "answered": Receipt.ANSWERED,
    "failed": Receipt.FAILED, "undelivered": Receipt.FAILED, "canceled": Receipt.FAILED,
    "busy": Receipt.BUSY, "no-answer": Receipt.NO_ANSWER,
}  # fmt: skip


class GatewaySchema(PortalSchema):
    """The body is the gateway's own: a form, or JSON."""

    def get_request_serializer(self) -> Any:
        return None

    def _get_request_body(self, direction: Any = "request") -> Any:
        form = {"type": "object", "additionalProperties": True}
        return {
            "content": {
                "application/json": {"schema": form, "example": {"status": "delivered"}},
                "application/x-www-form-urlencoded": {"schema": form},
            },
            "required": True,
        }


class GatewayAnswer(StrictSerializer):
    result = serializers.CharField()
    reply = serializers.CharField(required=False)


def _door(handler: Any) -> Any:
    view = plain_view(
        actions={"POST": ANYONE},
        inputs={"POST": NoInput},
        outputs={"POST": GatewayAnswer},
        in_workspace=False,
        max_body=MAX_CALLBACK.shipped,
        tags=["channels"],
        errors=(403, 404),
    )(handler)
    view.cls.schema = GatewaySchema()  # type: ignore[attr-defined]
    return view


@_door
def receipt(request: HttpRequest, uid: UUID, delivery: UUID) -> Any:
    """Where a gateway tells what became of a message

    In the form of the gateway: Twilio's status callback, or signed JSON with `status` and
    `detail`. A receipt that says it did not arrive lets the sender try the next way at once.
    """
    channel, said = _signed(request, uid)
    status = _text(said, "MessageStatus", "CallStatus", "status").lower()
    kind = RECEIPTS.get(status)
    if kind is None:
        raise Invalid("No such state.", details={"status": f"One of {', '.join(RECEIPTS)}."})
    if _text(said, "AnsweredBy").startswith(("machine", "fax")):
        kind = Receipt.NO_ANSWER  # a voice box acknowledges nothing
    detail = _text(said, "ErrorCode", "detail")
    found = services.note_receipt(_carried(channel, delivery), kind, detail=detail)
    return {"result": found.receipt}


@_door
def inbound(request: HttpRequest, uid: UUID) -> Any:
    """Where a gateway brings a text message that came in

    Twilio's form, or signed JSON with `from`, `text` and `id`. Answers with what is to be sent
    back, as TwiML or as `reply`.
    """
    channel, said = _signed(request, uid)
    provider_id = _text(said, "MessageSid", "SmsSid", "id")
    sender = _text(said, "From", "from")
    if not provider_id or not sender:
        raise Invalid("A message has an id and a sender.", details={"id": "Required."})
    if channel.kind != Channel.Kind.SMS:
        raise NotFound("This gateway brings no text messages.")
    text = _text(said, "Body", "text")
    reply = services.take_text(channel, sender=sender, text=text, provider_id=provider_id)
    return _said(channel, reply, f"<Message>{escape(reply.answer)}</Message>")


@_door
def keys(request: HttpRequest, uid: UUID, delivery: UUID) -> Any:
    """Where a gateway tells which key was pressed during a call

    Twilio's form, or signed JSON with `digits` and `id`. Answers with what is to be said.
    """
    channel, said = _signed(request, uid)
    call = _text(said, "CallSid", "id")
    digit = _text(said, "Digits", "digits")
    row = _carried(channel, delivery)
    reply = services.take_key(channel, row, digit=digit, provider_id=f"{call}:{row.pk}:{digit}")
    return _said(channel, reply, "", voice.reply(reply.answer))


def _said(channel: Channel, reply: Reply, message: str, whole: str = "") -> Any:
    if channel.options.get("form") != TWILIO:
        return {"result": reply.result, "reply": reply.answer}
    body = whole or f"<Response>{message if reply.answer else ''}</Response>"
    return HttpResponse(body, content_type="text/xml; charset=utf-8")


# --- Whose call it is -----------------------------------------------------------------------------


def _signed(request: HttpRequest, uid: UUID) -> tuple[Channel, dict[str, Any]]:
    """The gateway and what it says. An unknown one and a wrong signature are told alike."""
    body = bodies.read(request, MAX_CALLBACK.value)
    rows = Channel.objects.select_related("workspace").filter(kind__in=GATEWAYS, is_active=True)
    channel: Channel | None = rows.filter(uid=uid).first()
    secret = channel.secret if channel is not None else "nobody's"
    if channel is not None and channel.options.get("form") == TWILIO:
        said = _form(body)
        right = _twilio_signed(request, secret, said)
    else:
        right = http.verify(secret.encode(), body, dict(request.headers))
        said = _json(body) if right else {}
    if channel is None or not right:
        raise NotAllowed("The signature of this call is not the gateway's.")
    return channel, said


def _form(body: bytes) -> dict[str, Any]:
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=200)
    except ValueError as error:
        raise Invalid("This is no form.") from error
    return dict(pairs)


def _json(body: bytes) -> dict[str, Any]:
    said = strictjson.loads(body, max_bytes=max(len(body), 1))
    if not isinstance(said, dict):
        raise Invalid("An object is expected.")
    return said


def _twilio_signed(request: HttpRequest, secret: str, said: dict[str, Any]) -> bool:
    """HMAC-SHA1 over the address as they called it and the sorted fields. Ours is the address
    that we gave them: what a proxy in between made of it says nothing."""
    whole = settings.PUBLIC_URL + request.get_full_path()
    text = whole + "".join(f"{name}{said[name]}" for name in sorted(said))
    made = hmac.new(secret.encode(), text.encode("utf-8", "replace"), hashlib.sha1).digest()
    given = request.headers.get("X-Twilio-Signature", "")
    return hmac.compare_digest(base64.b64encode(made), given.encode("utf-8", "replace"))


def _carried(channel: Channel, uid: UUID) -> Delivery:
    """Of its own workspace, and to a telephone."""
    row: Delivery | None = (
        Delivery.objects.select_related("notification", "contact_method__user", "contact")
        .filter(
            uid=uid,
            notification__workspace_id=channel.workspace_id,
            method=channel.kind,
        )
        .first()
    )
    if row is None:
        raise NotFound("There is nothing here.")
    return row


def _text(said: dict[str, Any], *names: str) -> str:
    for name in names:
        value = said.get(name)
        if isinstance(value, (str, int)) and not isinstance(value, bool):
            return str(value)[:2000]
    return ""
