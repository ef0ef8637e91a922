"""Bringing missions over from the system before: a file or its text, tried first, then imported
all or none."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods

from controlplane.access import policy
from controlplane.access.models import User, Workspace
from controlplane.base.posting import workspace_for
from controlplane.base.web import actor_of
from controlplane.lib import strictjson
from controlplane.lib.errors import ControlPlaneError, Invalid, NotAllowed, NotFound
from missions import links, services, stages
from missions.api.examples import IMPORT
from missions.api.forms import Import
from missions.services.importing import MOST
from missions.web.common import page, show

MOST_BYTES = 1_000_000
COLUMNS = (
    "external_ref", "title", "intent", "stage", "status", "owner", "mission_type", "persona",
    "priority", "tags", "due_on", "started_at", "closed_at", "reason",
)  # fmt: skip


@require_http_methods(["GET", "HEAD", "POST"])
@page
def import_(request: HttpRequest) -> HttpResponse:
    workspace = workspace_for(request, "mission.import")
    actor = actor_of(request)
    policy.require(actor, "mission.import", workspace)
    context: dict[str, Any] = {
        "title": "Import missions",
        "workspace": workspace,
        "most": MOST,
        "columns": COLUMNS,
        "example": IMPORT,
        "stages": stages.STAGES.values(),
        "legacy_names": stages.LEGACY_LABELS,
        "text": "",
        "found": [],
    }
    if request.method != "POST":
        return show(request, "import.html", context)
    trying = request.POST.get("do") == "try"
    try:
        context["text"] = text = _text(request)
        rows = _rows(text, workspace)
        with transaction.atomic():
            found = services.import_missions(workspace, rows, actor=actor)
            context["found"] = [
                {"row": each.mission, "created": each.created, "url": links.page_of(each.mission)}
                for each in found
            ]
            transaction.set_rollback(trying)
    except (NotAllowed, NotFound):
        raise
    except ControlPlaneError as error:
        said = [f"{name}: {told}" for name, told in list(error.details.items())[:20]]
        return show(request, "import.html", {**context, "conditions": said}, error=error)
    context["tried"] = trying
    made = sum(1 for each in context["found"] if each["created"])
    context["made"], context["known"] = made, len(context["found"]) - made
    if not trying:
        context["text"] = ""
        messages.success(request, f"{made} imported.")
    return show(request, "import.html", context)


def _text(request: HttpRequest) -> str:
    given = request.FILES.get("file")
    if given is None:
        return request.POST.get("text", "")[: MOST_BYTES + 1]
    raw = given.read(MOST_BYTES + 1)
    try:
        return str(raw.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise Invalid("The file is not text in UTF-8.") from None


def _rows(text: str, workspace: Workspace) -> list[dict[str, Any]]:
    if not text.strip():
        raise Invalid("There is nothing in it yet: choose a file or paste its text.")
    if len(text) > MOST_BYTES:
        raise Invalid(f"At most {MOST_BYTES // 1_000_000} MB at a time.")
    if text.lstrip()[:1] in {"{", "["}:
        read = strictjson.loads(text, max_bytes=4 * MOST_BYTES)
        rows = read.get("missions") if isinstance(read, Mapping) else read
    else:
        rows = _of_table(text)
    if not isinstance(rows, list):
        raise Invalid("A list of missions, or an object with one as `missions`.")
    people = _people(rows, workspace)
    form = Import(data={"missions": [_without_owner(each) for each in rows]})
    if not form.is_valid():
        raise Invalid("Something in it cannot be read.", details=_told(form.errors))
    read_rows: list[dict[str, Any]] = form.validated_data["missions"]
    for place, (row, raw) in enumerate(zip(read_rows, rows, strict=True)):
        name = str(raw.get("owner") or "").strip().lower()
        if name:
            if name not in people:
                sentence = "Nobody of this workspace."
                raise Invalid(sentence, details={f"missions[{place}].owner": sentence})
            row["owner"] = people[name]
    return read_rows


def _of_table(text: str) -> list[dict[str, Any]]:
    """CSV, whichever of comma, semicolon and tab it is separated by."""
    text = text.replace("\x00", "")
    first = text.lstrip().split("\n", 1)[0]
    mark = max(",;\t", key=first.count)
    try:
        table = list(csv.reader(io.StringIO(text.strip()), delimiter=mark, strict=True))
    except csv.Error as error:
        raise Invalid(f"The table cannot be read: {error}.") from None
    names = [name.strip().lower().replace(" ", "_") for name in table[0]]
    unknown = [name for name in names if name not in COLUMNS]
    if unknown:
        raise Invalid(f"No such column: {', '.join(unknown)[:200]}.")
    rows = []
    for cells in table[1 : MOST + 2]:
        found = {name: cell.strip() for name, cell in zip(names, cells, strict=False)}
        row: dict[str, Any] = {name: cell for name, cell in found.items() if cell}
        if "tags" in row:
            row["tags"] = [each.strip() for each in row["tags"].split("|") if each.strip()]
        if row:
            rows.append(row)
    return rows


def _without_owner(row: Any) -> Any:
    if not isinstance(row, Mapping):
        raise Invalid("Each of them is an object with fields.")
    return {name: value for name, value in row.items() if name != "owner"}


def _people(rows: list[Any], workspace: Workspace) -> dict[str, User]:
    """By address or uid, those of this workspace."""
    if not any(isinstance(row, Mapping) and row.get("owner") for row in rows):
        return {}
    members = User.objects.filter(
        memberships__workspace=workspace, memberships__left_at=None
    ).distinct()
    found = {}
    for user in members:
        found[user.email.lower()] = user
        found[str(user.uid)] = user
    return found


def _told(errors: Any) -> dict[str, str]:
    """`missions[3].title` and what is wrong with it."""
    found: dict[str, str] = {}

    def walk(name: str, value: Any) -> None:
        if isinstance(value, Mapping):
            for key, each in value.items():
                walk(f"{name}.{key}" if name else str(key), each)
        elif isinstance(value, list):
            for place, each in enumerate(value):
                if isinstance(each, Mapping):
                    walk(f"{name}[{place}]", each)
                elif each:
                    found[name] = str(each)

    walk("", errors)
    return found
