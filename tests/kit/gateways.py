"""A gateway to telephones and what it does: signs its calls to us in its own way."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpResponse
from django.test import Client

from controlplane.access.models import User, Workspace
from controlplane.lib import clock
from controlplane.lib.signatures import sign
from controlplane.notify import services
from controlplane.notify.models import Channel, ContactMethod, Delivery
from controlplane.notify.services import methods
from tests import make

SECRET = "a-signing-secret-of-some-length"
NUMBER = "+442079460958"
ACCOUNT = "AC" + "0" * 32


def gateway(
    workspace: Workspace, url: str = "https://sms.example.org", *, kind: str = "sms",
    form: str = "json", **extra: Any,
) -> Channel:  # fmt: skip
    options = {"form": form, "sender": "+15005550006"}
    if form == "twilio":
        options["account"] = ACCOUNT
    given = {"name": f"Gateway {kind} {Channel.objects.count()}", "target": url, "secret": SECRET}
    return services.create_channel(
        workspace, actor=make.JOB, kind=kind, options=options, **(given | extra)
    )


def way(person: User, kind: str = "sms", target: str = NUMBER) -> ContactMethod:
    """A proven one."""
    actor = make.actor(person)
    made = services.add_method(person, actor=actor, kind=kind, target=target)
    return services.confirm_method(made, actor=actor, code=methods.code_of(made))


def path_of(channel: Channel, what: str, delivery: Delivery | None = None) -> str:
    tail = f"/{delivery.uid}" if delivery is not None else ""
    return f"/api/v1/gateways/{channel.uid}/{what}{tail}"


def calls(
    channel: Channel, what: str, said: dict[str, Any], *, delivery: Delivery | None = None,
    secret: str = SECRET, url: str = "",
) -> Any:  # fmt: skip
    """The gateway calls us, in its form."""
    path = path_of(channel, what, delivery)
    if channel.options["form"] == "twilio":
        return form_call(url or settings.PUBLIC_URL + path, path, said, secret)
    body = json.dumps(said).encode()
    headers = sign(secret.encode(), body, clock.now())
    return Client().post(path, body, content_type="application/json", headers=headers)


def form_call(url: str, path: str, said: dict[str, Any], secret: str) -> HttpResponse:
    text = url + "".join(f"{name}{said[name]}" for name in sorted(said))
    mark = base64.b64encode(hmac.new(secret.encode(), text.encode(), hashlib.sha1).digest())
    answer: Any = Client().post(
        path,
        urlencode(said),
        content_type="application/x-www-form-urlencoded",
        headers={"X-Twilio-Signature": mark.decode()},
    )
    return answer  # type: ignore[no-any-return]
