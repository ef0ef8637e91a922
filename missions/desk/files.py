"""Evidence of a mission on the desk: shown beside the packet that names it, and handed out."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from typing import Any

from django.http import FileResponse, HttpRequest
from django.urls import reverse
from django.views.decorators.http import require_safe

from controlplane.approvals.desk.frame import page
from controlplane.approvals.models import Request
from controlplane.base import files
from controlplane.base.web import actor_of
from controlplane.lib.actors import Actor
from controlplane.lib.errors import NotFound
from missions.desk.asking import mission_of
from missions.models import Artifact
from missions.services import evidence
from missions.shown.evidence import picture_url, preview

MOST = 8
_FILE = re.compile(r"/admin/missions/artifact/([0-9]{1,18})/change/")


def file_url(row: Artifact, name: str = "file") -> str:
    return reverse(f"mission_desk:{name}", args=(row.mission.uid, row.uid))


def previews(request: Request, desk: bool) -> Mapping[str, dict[str, Any]]:
    """By the address the packet names a file with. Only of what is still the very bytes it names:
    a reader must not take another file for the one that is signed."""
    named = {
        int(found[1]): (str(each["url"]), str(each.get("sha256") or ""))
        for each in _listed(request)
        if (found := _FILE.fullmatch(str(each.get("url") or "")))
    }
    rows = Artifact.objects.filter(pk__in=named, mission__workspace_id=request.workspace_id)
    told: dict[str, dict[str, Any]] = {}
    for row in rows.select_related("mission").order_by("pk")[:MOST]:
        url, sha256 = named[row.pk]
        if row.is_there and row.sha256 == sha256:
            told[url] = _shown(row, desk)
    return told


def _listed(request: Request) -> list[dict[str, Any]]:
    listed = request.packet.get("evidence")
    return [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []


def _shown(row: Artifact, desk: bool) -> dict[str, Any]:
    shown = preview(row)
    if desk:
        shown["url"] = file_url(row, "picture" if picture_url(row) else "file")
    return shown


def page_of(actor: Actor, key: str) -> str:
    """Where the desk hands out what the console has a page of."""
    if not (key.isascii() and key.isdigit() and len(key) < 18):
        return ""
    rows = Artifact.objects.visible_to(actor).filter(pk=int(key))
    row = rows.select_related("mission").first()
    return file_url(row) if row is not None else ""


def _artifact(request: HttpRequest, uid: uuid.UUID, file: uuid.UUID) -> Artifact:
    actor = actor_of(request)
    mission = mission_of(actor, uid)
    rows = Artifact.objects.visible_to(actor)
    found: Artifact | None = rows.filter(mission=mission, uid=file).first()
    if found is None:
        raise NotFound("No such file.")
    found.mission = mission
    return found


@require_safe
@page
def file(request: HttpRequest, uid: uuid.UUID, file: uuid.UUID) -> FileResponse:
    """Always to be saved and never shown: what somebody uploaded must not run here."""
    row = _artifact(request, uid, file)
    opened = evidence.open_artifact(row, actor=actor_of(request), told=request.method == "GET")
    return files.download(opened, name=row.name, size=row.size, sha256=row.sha256)


@require_safe
@page
def picture(request: HttpRequest, uid: uuid.UUID, file: uuid.UUID) -> FileResponse:
    row = _artifact(request, uid, file)
    opened = evidence.open_artifact(row, actor=actor_of(request), told=False)
    return files.picture(opened, row.media_type, name=row.name, sha256=row.sha256)
