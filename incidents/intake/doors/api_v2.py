"""Alertmanager's API, version 2, as a server: Prometheus posts its alerts here, amtool and other
clients look at them and silence them."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping
from inspect import unwrap
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from rest_framework import serializers

from controlplane.base.api import bodies
from controlplane.base.api.answers import JsonAnswer
from controlplane.base.api.auth import ANYONE
from controlplane.base.api.plain import Handler, plain_view
from controlplane.lib import clock
from controlplane.lib.errors import Invalid, NotAllowed, NotFound
from incidents.intake.doors.entering import MAX_BODY, SCHEME, way_in
from incidents.intake.doors.webhooks import Door, taken
from incidents.intake.formats.common import moment_of, parsed, text_of
from incidents.models import Alert, AlertSource, Silence
from incidents.records.answers import sender
from incidents.routing import matching, silences

TAGS = ["alertmanager api"]
MOST = 20_000
_STARTED = clock.now()
_NO_MATCHERS = 612  # the code its own schema check has for a silence of nothing
_RECEIVERS = [{"name": "portal"}]
_MAX_SILENCE = 64 * 1024


class AnyValue(serializers.Serializer[Any]):
    """As Alertmanager's own description has it."""


class Refused(serializers.Serializer[Any]):
    """A text, as Alertmanager answers."""


def _refused(request: HttpRequest, refusal: JsonAnswer) -> HttpResponse:
    """A JSON string; of what its schema check refuses, an object with a code."""
    said = refusal.data["error"] if isinstance(refusal.data, dict) else {}
    details = said.get("details") or {}
    message = said.get("message", "")
    data: Any = message
    if "schema" in details:
        data = {"code": details["schema"], "message": message}
    answer = JsonAnswer(data, refusal.status_code)
    for name in ("Retry-After", "Allow"):
        if refusal.has_header(name):
            answer[name] = refusal[name]
    return answer


def _door(*methods: str, name: str, statuses: Mapping[str, int] | None = None) -> Door:
    def decorate(handler: Handler) -> Callable[..., HttpResponse]:
        view: Any = plain_view(
            actions=dict.fromkeys(methods, ANYONE),
            inputs={"POST": AnyValue} if "POST" in methods else {},
            outputs=dict.fromkeys(methods, AnyValue),
            statuses=statuses or dict.fromkeys(methods, 200),
            in_workspace=False,
            throttle="hot",
            max_body=MAX_BODY,
            sender_fields=(),
            tags=TAGS,
            errors={401, 403, 404, 413, 503},
            foreign=_refused,
            refusal=Refused,
            enter=way_in(("alertmanager",)),
            credentials=SCHEME,
        )(handler)
        view.cls.operation_ids = dict.fromkeys(methods, f"alertmanager_{name}")
        if len(methods) > 1:
            view.cls.operation_ids = {
                method: f"alertmanager_{name}_{method.lower()}" for method in methods
            }
        view.name = name
        decorated: Callable[..., HttpResponse] = view
        return decorated

    return decorate


@_door("GET", name="status")
def am_status(request: HttpRequest, key: str = "") -> HttpResponseBase:
    """How it stands: for clients that ask before they do anything"""
    return JsonAnswer(
        {
            "cluster": {"name": "controlplane", "status": "ready", "peers": []},
            "config": {"original": "route: {receiver: portal}\nreceivers: [{name: portal}]\n"},
            "uptime": _time(_STARTED),
            "versionInfo": {
                "version": "0.28.0", "branch": "controlplane", "revision": "controlplane",
                "buildDate": "", "buildUser": "", "goVersion": "",
            },
        }
    )  # fmt: skip


@_door("GET", name="receivers")
def am_receivers(request: HttpRequest, key: str = "") -> HttpResponseBase:
    """One: the portal's routing decides"""
    return JsonAnswer(_RECEIVERS)


@_door("GET", "POST", name="alerts")
def am_alerts(request: Any, key: str = "") -> HttpResponseBase:
    """Alerts that fire, or more of them

    Of a list with a bad alert the good ones are taken, and the answer is 400 all the same.
    """
    if request.method == "POST":
        return _post(request)
    return JsonAnswer([_alert(alert) for alert in _asked(request)])


@_door("GET", name="groups")
def am_groups(request: Any, key: str = "") -> HttpResponseBase:
    """Alerts by what they belong to"""
    groups: dict[str, list[dict[str, Any]]] = {}
    for alert in _asked(request):
        groups.setdefault(alert.group_key, []).append(_alert(alert))
    return JsonAnswer(
        [
            {"labels": _common(alerts), "receiver": _RECEIVERS[0], "alerts": alerts}
            for _, alerts in sorted(groups.items())
        ]
    )


@_door("GET", "POST", name="silences")
def am_silences(request: Any, key: str = "") -> HttpResponseBase:
    """Silences, or another one

    With an `id` one is changed. Its author and its comment are kept.
    """
    source = _operating(request)
    if request.method == "POST":
        return _put_silence(request, source)
    matchers = _filters(request)
    rows = Silence.objects.filter(workspace=source.workspace_id).order_by("-ends_at", "-pk")
    found = [row for row in rows[:1_000] if _says(row, matchers)]
    return JsonAnswer([_silence(row) for row in found])


@_door("GET", "DELETE", name="silence")
def am_silence(request: Any, silence: uuid.UUID, key: str = "") -> HttpResponseBase:
    """One silence; deleted it ends now"""
    source = _operating(request)
    row = _found(source, silence)
    if request.method == "DELETE":
        silences.end_silence(row, actor=sender(source))
        return HttpResponse(status=200)
    return JsonAnswer(_silence(row))


def keyed(view: Any) -> Callable[..., HttpResponse]:
    """The same with the key in its address, under a name of its own in the document."""
    return _door(*view.cls.actions, name=f"{view.name}_by_address")(unwrap(view))


# --- Alerts ---


def _post(request: Any) -> HttpResponseBase:
    receipt = taken(request, "api")
    if receipt.refused:
        raise Invalid("; ".join(sorted({each.reason for each in receipt.refused})))
    return HttpResponse(status=200)


def _asked(request: Any) -> list[Alert]:
    """As the query narrows them down; a key that only sends sees what it sent."""
    source: AlertSource = request.alert_source
    rows = Alert.objects.firing().filter(workspace=source.workspace_id)
    if not source.operates:
        rows = rows.filter(source=source)
    test = matching.compiled(_filters(request))
    wants = {
        name: request.GET.get(name, "true").lower() != "false"
        for name in ("active", "silenced", "inhibited")
    }
    found = rows.select_related("source", "silence", "inhibited_by").order_by("pk")[:MOST]
    return [alert for alert in found if wants[_standing(alert)] and test(silences.asked_of(alert))]


def _standing(alert: Alert) -> str:
    if alert.silence_id is not None:
        return "silenced"
    return "inhibited" if alert.inhibited_by_id is not None else "active"


def _filters(request: Any) -> list[dict[str, Any]]:
    texts: Iterable[str] = request.GET.getlist("filter")[: matching.MOST]
    return [each for text in texts for each in matching.read("filter", text, some=False)]


def _alert(alert: Alert) -> dict[str, Any]:
    silenced = [str(alert.silence.uid)] if alert.silence is not None else []
    inhibited = [alert.inhibited_by.dedup_key] if alert.inhibited_by is not None else []
    found: dict[str, Any] = {
        "fingerprint": alert.dedup_key,
        "labels": alert.labels,
        "annotations": alert.annotations,
        "startsAt": _time(alert.starts_at),
        "endsAt": _time(alert.resolve_due_at or alert.ends_at or alert.last_at),
        "updatedAt": _time(alert.last_at),
        "receivers": _RECEIVERS,
        "status": {
            "state": "suppressed" if silenced or inhibited else "active",
            "silencedBy": silenced,
            "inhibitedBy": inhibited,
        },
        "generatorURL": next(
            (link["href"] for link in alert.links if link.get("text") == "Where it comes from"), ""
        ),
    }
    return found


def _common(alerts: list[dict[str, Any]]) -> dict[str, str]:
    first = alerts[0]["labels"]
    return {
        name: value
        for name, value in first.items()
        if all(alert["labels"].get(name) == value for alert in alerts)
    }


# --- Silences ---


def _operating(request: Any) -> AlertSource:
    source: AlertSource = request.alert_source
    if not source.operates:
        raise NotAllowed("This key sends alerts; it may not look at silences or make them.")
    return source


def _put_silence(request: Any, source: AlertSource) -> HttpResponseBase:
    given = parsed(bodies.read(request, _MAX_SILENCE))
    if not isinstance(given, Mapping):
        raise Invalid("A silence is an object.")
    if not given.get("matchers"):
        raise Invalid("matchers in body should have at least 1 items",
                      details={"schema": _NO_MATCHERS})  # fmt: skip
    ends_at, starts_at = moment_of(given.get("endsAt")), moment_of(given.get("startsAt"))
    if ends_at is None:
        raise Invalid("endsAt in body is required", details={"schema": 602})
    values = {
        "matchers": given["matchers"], "starts_at": starts_at, "ends_at": ends_at,
        "comment": text_of(given.get("comment")) or "No reason was given.",
    }  # fmt: skip
    if given.get("id"):
        row = silences.change_silence(
            _found(source, _uid(given["id"])), actor=sender(source), **values
        )
    else:
        row = silences.create_silence(
            source.workspace,
            actor=sender(source),
            origin=Silence.Origin.CLIENT,
            name=text_of(given.get("createdBy"), 200),
            **values,
        )
    return JsonAnswer({"silenceID": str(row.uid)})


def _uid(value: Any) -> uuid.UUID:
    try:
        return uuid.UUID(str(value))
    except ValueError:
        raise NotFound("silence not found") from None


def _found(source: AlertSource, uid: uuid.UUID) -> Silence:
    row: Silence | None = Silence.objects.filter(workspace=source.workspace_id, uid=uid).first()
    if row is None:
        raise NotFound("silence not found")
    return row


def _says(row: Silence, wanted: list[dict[str, Any]]) -> bool:
    """A filter on silences asks what their matchers name."""
    named = {each["name"]: each["value"] for each in row.matchers}
    return matching.compiled(wanted)(named)


def _silence(row: Silence) -> dict[str, Any]:
    return {
        "id": str(row.uid),
        "status": {"state": silences.state_of(row)},
        "updatedAt": _time(row.changed_at),
        "comment": row.comment,
        "createdBy": row.made_by_name,
        "startsAt": _time(row.starts_at),
        "endsAt": _time(row.ends_at),
        "matchers": row.matchers,
    }


def _time(moment: Any) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"
