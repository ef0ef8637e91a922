"""Runtimes of agents: alive, registered, signed off."""

from __future__ import annotations

from typing import Any

from controlplane.base.api.rows import Row
from controlplane.base.mcp.registry import Call
from controlplane.lib.errors import NotFound
from controlplane.lib.given import refuse
from missions.threads import drafts, services
from missions.threads.api import forms
from missions.threads.api.finding import NOT_HERE
from missions.threads.models import RuntimeSession

_ROW = Row(forms.RuntimeRow)


def heartbeat(call: Call, values: dict[str, Any]) -> dict[str, Any]:
    drafts.require_version(values)
    row = services.heartbeat(
        values["session_id"],
        actor=call.actor,
        runtime=values["runtime"],
        status=values["status"],
        resumable=values["resumable"],
        management=values["management_mode"],
        operator_busy_s=values.get("operator_busy_s"),
    )
    return {"ok": True, "runtime_id": row.uid, "recorded_at": row.beat_at}


def register(call: Call, values: dict[str, Any]) -> dict[str, Any]:
    drafts.require_version(values)
    values.pop("schema_version", None)
    agent = _agent(call, values.pop("agent_id", None))
    values["management"] = values.pop("management_mode")
    name = values.pop("session_id")
    row = services.register_runtime(agent, name, actor=call.actor, **values)
    return _ROW.from_object(row)


def deregister(call: Call, values: dict[str, Any]) -> dict[str, Any]:
    agent = _agent(call, values.get("agent_id"))
    rows = RuntimeSession.objects.visible_to(call.actor).select_related("agent", "workspace")
    row: RuntimeSession | None = rows.filter(agent=agent, session_id=values["session_id"]).first()
    if row is None:
        raise NotFound(NOT_HERE)
    return _ROW.from_object(services.deregister_runtime(row, actor=call.actor))


def _agent(call: Call, uid: Any) -> Any:
    if uid is not None:
        return forms.agent_of(call.workspace, uid)
    if call.actor.kind != "agent":
        raise refuse("agent_id", "Missing.")
    return services.agent_of(call.actor)
