"""Calls that were reported, and an audit of them."""

from __future__ import annotations

from typing import Any

from controlplane.access.models import Workspace
from telemetry import audits
from telemetry.models import AuditRun
from tests import make
from tests.kit.telemetry import event

CALL = {
    "toolkit": "hubspot",
    "action": "create_contact",
    "duration_ms": 12,
    "outcome": "success",
    "token_usage": 7,
}


def call(**fields: Any) -> dict[str, Any]:
    return event("composio_tool_call", context={**CALL, **fields.pop("context", {})}, **fields)


def run(workspace: Workspace, mode: str = "check", **given: Any) -> AuditRun:
    return audits.audit(workspace, actor=make.JOB, mode=mode, **given)


def line(found: AuditRun, rule: str) -> dict[str, Any]:
    return next(each for each in found.rules if each["rule"] == rule)
