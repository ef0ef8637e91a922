"""The playbook's kill switch, as it is written there:

    curl -X POST https://portal/admin/flags/NAME/disable -H "Authorization: Bearer KEY"

With and without a slash at the end, before the console's own pages, whose forms these are not. It
acts in the workspace of the key. Freezes, approvals and the broker have no say.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, QueryDict
from django.urls import URLPattern, path
from rest_framework import serializers

from controlplane.base.api import bodies
from controlplane.base.api.plain import plain_view
from controlplane.base.api.serializers import StrictSerializer, read
from controlplane.lib import strictjson
from controlplane.lib.errors import ControlPlaneError, NotFound
from deployments.flags import services
from deployments.flags.models import Flag


class SwitchRequest(StrictSerializer):
    """Nothing, or why."""

    reason = serializers.CharField(
        required=False, allow_blank=True, default="", max_length=300, help_text="For the record."
    )


class EnableRequest(SwitchRequest):
    override = serializers.BooleanField(
        default=False, help_text="in spite of a freeze, for those who may; say why"
    )


class Switched(StrictSerializer):
    """How the flag stands now, in all environments."""

    flag = serializers.CharField()
    enabled = serializers.BooleanField()
    changed_at = serializers.DateTimeField()
    changed_by = serializers.CharField()
    version = serializers.IntegerField()


def _switched(request: HttpRequest, name: str, switch: Callable[..., Flag], way: str) -> Any:
    if way.endswith("disable"):
        said, given = _reason_of(request), {}
    else:
        given = _asked(request)
        said = given.pop("reason")
    workspace = request.workspace  # type: ignore[attr-defined]
    flag = Flag.objects.of(workspace).filter(flag_name=name).first()
    if flag is None:
        raise NotFound("No flag of this name is in the workspace of these credentials.")
    reason = said if said or given.get("override") else f"POST {way}"
    flag = switch(flag, actor=request.actor, reason=reason, **given)  # type: ignore[attr-defined]
    return {
        "flag": flag.flag_name,
        "enabled": flag.enabled,
        "changed_at": flag.changed_at,
        "changed_by": flag.changed_by,
        "version": flag.version,
    }


def _asked(request: HttpRequest) -> dict[str, Any]:
    return dict(read(EnableRequest, bodies.read_json(request, bodies.MAX_BODY.value)))


def _reason_of(request: HttpRequest) -> str:
    """A kill is never refused for how its reason is wrapped: what can't be read is no reason, what
    is too long is cut."""
    try:
        body = bodies.read(request, bodies.MAX_BODY.value)
        if "x-www-form-urlencoded" in request.META.get("CONTENT_TYPE", "").lower():
            told: Any = QueryDict(body).get("reason")
        else:
            said = strictjson.loads(body, max_bytes=max(len(body), 1)) if body else None
            told = said.get("reason") if isinstance(said, dict) else None
    except (ControlPlaneError, SuspiciousOperation, ValueError):
        return ""
    if not isinstance(told, str):
        return ""
    spelled = told.encode("utf-8", "replace").decode().replace("\x00", "")
    return " ".join(spelled.split())[:300]


def _route(way: str, end: str) -> URLPattern:
    """Each spelling is a route of its own, for both are promised."""
    action, switch = _WAYS[way]

    def handler(request: HttpRequest, name: str) -> Any:
        return _switched(request, name, switch, f"/admin/flags/<name>/{way}")

    handler.__doc__ = _ABOUT[way]
    handler.__name__ = f"{way}_flag"
    view: Any = plain_view(
        actions={"POST": action},
        inputs={"POST": SwitchRequest if way == "disable" else EnableRequest},
        outputs={"POST": Switched},
        throttle="write",
        emergency=way == "disable",
        tags=["flags"],
        errors={404} if way == "disable" else {404, 409, 422},
    )(handler)
    title = f"flag-{way}-slash" if end else f"flag-{way}"
    view.cls.operation_ids = {"POST": title.replace("-", "_")}
    found: URLPattern = path(f"<str:name>/{way}{end}", view, name=title)
    return found


_WAYS: dict[str, tuple[str, Callable[..., Flag]]] = {
    "disable": ("flag.kill", services.kill),
    "enable": ("flag.enable", services.enable),
}
_ABOUT = {
    "disable": "Switch a flag off, everywhere, at once. Off already is a success too.",
    "enable": "Put a flag back to what stood before it was killed.",
}
urlpatterns = [_route(way, end) for way in _WAYS for end in ("", "/")]
