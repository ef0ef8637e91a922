"""Rows as they are sent."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from controlplane.approvals.models import Decision
from controlplane.approvals.signing import SlotView

REQUEST_COLUMNS = (
    "number",
    "requested_by__uid",
    "requested_by__name",
    "requested_by_name",
    "requested_by_ref",
)
DECISION_COLUMNS = (
    "person__uid",
    "person__name",
    "delegated_from__uid",
    "delegated_from__name",
    "request__number",
)
DELEGATION_COLUMNS = ("from_user__uid", "from_user__name", "to_user__uid", "to_user__name")


def person(row: dict[str, Any], path: str) -> dict[str, Any] | None:
    uid, name = row.pop(f"{path}__uid"), row.pop(f"{path}__name")
    return None if uid is None else {"uid": uid, "name": name}


def request(row: dict[str, Any]) -> dict[str, Any]:
    row["ref"] = f"APR-{row.pop('number')}"
    name, ref = row.pop("requested_by_name"), row.pop("requested_by_ref")
    row["requested_by"] = person(row, "requested_by") or {"uid": None, "name": name or ref}
    return row


def decision(row: dict[str, Any]) -> dict[str, Any]:
    number = row.pop("request__number")
    if "request" in row:
        row["ref"] = f"APR-{number}"
    row["person"] = person(row, "person")
    row["signed_for"] = person(row, "delegated_from")
    return row


def delegation(row: dict[str, Any]) -> dict[str, Any]:
    row["giver"] = person(row, "from_user")
    row["receiver"] = person(row, "to_user")
    return row


def slot(view: SlotView) -> dict[str, Any]:
    return {
        "slug": view.slot.slug,
        "title": view.slot.title,
        "roles": list(view.slot.roles),
        "needed": view.slot.needed,
        "signed": view.slot.signed,
        "waiting": view.slot.waiting,
        "may_sign": view.may,
        "refusal": view.refusal,
    }


def decisions_of(request_id: int, columns: Mapping[str, str]) -> list[dict[str, Any]]:
    """`columns`: name in the answer -> column."""
    names = [*columns.values(), *DECISION_COLUMNS]
    rows = Decision.objects.filter(request_id=request_id).order_by("id").values_list(*names)
    keys = [*columns, *DECISION_COLUMNS]
    return [decision(dict(zip(keys, row, strict=True))) for row in rows]


def packet(text: str) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(text)
    return value
