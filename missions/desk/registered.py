"""What missions put on the desk: tabs, twins of console pages, how a packet of theirs reads."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from functools import partial
from typing import Any

from django.http import QueryDict
from django.urls import reverse

from controlplane.approvals.desk.registered import BY_REF
from controlplane.approvals.desk.tabs import Tab, ToDo, tabs, to_dos
from controlplane.approvals.models import Request
from controlplane.base import twins
from controlplane.lib.actors import Actor
from missions.desk import files, learning, safeguards
from missions.models import Mission
from missions.services import checkpoints


def page_of(mission: Mission) -> str:
    return reverse("mission_desk:mission", args=(mission.uid,))


def link_for(request: Request) -> str:
    visit = checkpoints.visit_about(request)
    return page_of(visit.mission) if visit is not None else ""


def _twin(actor: Actor, given: Mapping[str, Any], query: QueryDict) -> str:
    """By key, as the admin names it, or by uid."""
    name = str(given.get("uid") or given.get("object_id") or "")
    rows = Mission.objects.visible_to(actor)
    try:
        found = rows.filter(uid=uuid.UUID(name)).first()
    except ValueError:
        key = name if name.isascii() and name.isdigit() and len(name) < 18 else "0"
        found = rows.filter(pk=int(key)).first()
    return page_of(found) if found is not None else ""


def _page_of(name: str, actor: Actor, given: Mapping[str, Any], query: QueryDict) -> str:
    return reverse(f"mission_desk:{name}", args=(given["uid"],)) if "uid" in given else ""


def _artifact_of(actor: Actor, given: Mapping[str, Any], query: QueryDict) -> str:
    return files.page_of(actor, str(given.get("object_id") or ""))


def _file_of(name: str, actor: Actor, given: Mapping[str, Any], query: QueryDict) -> str:
    return reverse(f"mission_desk:{name}", args=(given["uid"], given["file"]))


def _numbered(actor: Actor, number: int) -> str:
    found = Mission.objects.visible_to(actor).filter(ref=f"MSN-{number}").order_by("-pk").first()
    return page_of(found) if found is not None else ""


def register() -> None:
    tabs.register(
        Tab("missions", "Missions", "mission_desk:missions", "target", "mission.view", 20)
    )
    tabs.register(Tab("figures", "Figures", "mission_desk:figures", "chart", "telemetry.view", 60))
    to_dos.register(ToDo("feedback", "How did it go?", "mission.feedback", learning.asked_for))
    to_dos.register(
        ToDo("safeguards", "Safeguards to settle", "mission.safeguards", safeguards.to_settle)
    )
    BY_REF["MSN"] = _numbered
    for route, page in (("file", "file"), ("file_picture", "picture")):
        twins.register(f"missions:{route}", partial(_file_of, page))
    twins.register("admin:missions_artifact_change", _artifact_of)
    twins.register("missions:files", partial(_page_of, "mission"))
    for name in ("feedback", "retrospective", "safeguards"):
        twins.register(f"missions:{name}", partial(_page_of, name))
    twins.register("admin:missions_mission_change", _twin)
    twins.register(
        "admin:missions_mission_changelist",
        lambda actor, given, query: reverse("mission_desk:missions"),
    )
    twins.register(
        "telemetry:kpi_board", lambda actor, given, query: reverse("mission_desk:figures")
    )
