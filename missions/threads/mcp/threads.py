"""What tools do with threads and those who take part in them."""

from __future__ import annotations

from typing import Any

from controlplane.base.api.errors import flat
from controlplane.base.mcp.registry import Call
from controlplane.lib.errors import Invalid
from missions.threads import drafts, services
from missions.threads.api import forms
from missions.threads.api.threads import ThreadFilter, participant, resolved
from missions.threads.mcp import finding
from missions.threads.models import Thread


def create(call: Call, values: dict[str, Any]) -> dict[str, Any]:
    workspace = call.workspace
    resolved(call.request, values)
    wanted = [
        (forms.agent_of(workspace, each["agent_id"], "participants"), each.get("role", ""))
        for each in values.pop("participants", [])
    ]
    kind = values.pop("type")
    row = services.create_thread(
        workspace, actor=call.actor, kind=kind, participants=wanted, **values
    )
    return finding.whole(row)


def get(call: Call, values: dict[str, Any]) -> dict[str, Any]:
    return finding.whole(finding.thread(call, values["thread_id"]))


def list_(call: Call, values: dict[str, Any]) -> dict[str, Any]:
    limit, before = values.pop("limit"), values.pop("before", None)
    rows = Thread.objects.visible_to(call.actor).filter(workspace=call.workspace)
    if before is not None:
        rows = rows.filter(pk__lt=finding.thread(call, before).pk)
    asked = {name: _text(value) for name, value in values.items() if name in _FILTERS}
    if asked:
        kind: Any = ThreadFilter
        filters = kind(data=asked, queryset=rows, request=call.request)
        if not filters.is_valid():
            details = flat({name: list(found) for name, found in filters.errors.items()})
            raise Invalid("The filter is not valid.", details=details)
        rows = filters.qs
    found = rows.select_related("workspace", "owner", "escalation_owner", "item")
    page = list(found.order_by("-id")[: limit + 1])
    return {
        "threads": [finding.ROW.from_object(row) for row in page[:limit]],
        "has_more": len(page) > limit,
    }


_FILTERS = frozenset(ThreadFilter.base_filters)  # type: ignore[attr-defined]


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def change(call: Call, values: dict[str, Any]) -> dict[str, Any]:
    row = finding.thread(call, values.pop("thread_id"))
    call.request.workspace = row.workspace  # type: ignore[attr-defined]
    resolved(call.request, values)
    return finding.whole(services.change_thread(row, actor=call.actor, **values))


def set_status(call: Call, values: dict[str, Any]) -> dict[str, Any]:
    drafts.require_version(values)
    row = finding.thread(call, values["thread_id"])
    done = services.update_status(
        row,
        values["status"],
        actor=call.actor,
        reason=values.get("reason", ""),
        version=values.get("version"),
    )
    return finding.whole(done)


def summarize(call: Call, values: dict[str, Any]) -> dict[str, Any]:
    row = finding.thread(call, values["thread_id"])
    return services.summarize_thread(row, actor=call.actor, max_messages=values.get("max_messages"))


def add_participant(call: Call, values: dict[str, Any]) -> dict[str, Any]:
    row = finding.thread(call, values["thread_id"])
    agent = forms.agent_of(row.workspace, values["agent_id"])
    done = services.add_participant(row, agent, actor=call.actor, role=values.get("role", ""))
    return participant(done)


def remove_participant(call: Call, values: dict[str, Any]) -> dict[str, Any]:
    row = finding.thread(call, values["thread_id"])
    agent = forms.agent_of(row.workspace, values["agent_id"])
    done = services.remove_participant(row, agent, actor=call.actor, reason=values["reason"])
    return participant(done)
