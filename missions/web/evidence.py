"""The evidence of a mission: its page, files in and out, its bundles, legal holds."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from controlplane.base import files
from controlplane.base.posting import posted
from controlplane.base.web import actor_of
from controlplane.lib.errors import ControlPlaneError, Invalid, NotAllowed, NotFound
from controlplane.lib.text import short
from missions import links
from missions.models import Artifact, Bundle, Mission
from missions.services import evidence, sharing
from missions.shown import evidence as shown
from missions.web.common import mission_of, page, show

TEMPLATE = "evidence/files.html"
MOST_AT_ONCE = 20


@require_http_methods(["GET", "HEAD", "POST"])
@page
def evidence_files(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    """Everything that is kept, by stage; a form that adds to it."""
    row = mission_of(request, uid)
    if request.method != "POST":
        return show(request, TEMPLATE, shown.page(row, actor_of(request)), row=row)
    try:
        kept = _keep_all(request, row)
    except (NotAllowed, NotFound):
        raise
    except ControlPlaneError as error:
        context = {**shown.page(row, actor_of(request)), "wrong": "file"}
        return show(request, TEMPLATE, context, row=row, error=error)
    names = ", ".join(each.name for each in kept[:5])
    more = f" and {len(kept) - 5} more" if len(kept) > 5 else ""
    messages.success(request, f"Kept, with its hash: {names}{more}."[:500])
    return HttpResponseRedirect(f"{links.evidence_of(row)}#files")


def _keep_all(request: HttpRequest, row: Mission) -> list[Artifact]:
    """One after the other. What was kept before one is refused stays, and is said."""
    sent = request.FILES.getlist("file")
    if not sent:
        raise Invalid("Choose a file.", details={"file": "Choose a file."})
    if len(sent) > MOST_AT_ONCE:
        raise Invalid(f"At most {MOST_AT_ONCE} at once.", details={"file": "Fewer at once."})
    title = posted(request, "title", 300)
    kept: list[Artifact] = []
    for each in sent:
        try:
            kept.append(
                evidence.receive_file(
                    row,
                    actor=actor_of(request),
                    name=each.name or "",
                    source=each,
                    size=each.size,
                    title=title if len(sent) == 1 else "",
                    claimed=each.content_type or "",
                )
            )
        except (NotAllowed, NotFound):
            raise
        except ControlPlaneError as error:
            if kept:
                names = ", ".join(one.name for one in kept[:5])
                messages.success(request, f"Kept, with its hash: {names}."[:500])
            name = short(files.shown((each.name or "").replace("\x00", "")), 80)
            raise _named(error, name) from error
    return kept


def _named(error: ControlPlaneError, name: str) -> ControlPlaneError:
    """Which of several it was."""
    error.message = f"{name}: {error.message}" if name else error.message
    return error


def _artifact(request: HttpRequest, uid: uuid.UUID, file: uuid.UUID) -> Artifact:
    row = mission_of(request, uid)
    rows = Artifact.objects.filter(mission=row, uid=file).select_related("visit")
    found: Artifact | None = rows.first()
    if found is None:
        raise NotFound("No such file.")
    found.mission = row
    return found


@require_safe
@page
def evidence_file(request: HttpRequest, uid: uuid.UUID, file: uuid.UUID) -> FileResponse:
    """Always to be saved and never shown: what somebody uploaded must not run here."""
    row = _artifact(request, uid, file)
    opened = evidence.open_artifact(row, actor=actor_of(request), told=request.method == "GET")
    return files.download(opened, name=row.name, size=row.size, sha256=row.sha256)


@require_safe
@page
def picture(request: HttpRequest, uid: uuid.UUID, file: uuid.UUID) -> FileResponse:
    """A picture, for the page that shows it."""
    row = _artifact(request, uid, file)
    opened = evidence.open_artifact(row, actor=actor_of(request), told=False)
    return files.picture(opened, row.media_type, name=row.name, sha256=row.sha256)


@require_safe
@page
def bundle_file(request: HttpRequest, uid: uuid.UUID, number: int) -> FileResponse:
    row = mission_of(request, uid)
    found: Bundle | None = Bundle.objects.filter(mission=row, number=number).first()
    if found is None:
        raise NotFound("No such bundle.")
    found.mission = row
    opened = evidence.open_bundle(found, actor=actor_of(request))
    return files.download(opened, name=found.name, size=found.size, sha256=found.sha256)


def _ask(request: HttpRequest, row: Mission, audience: str) -> str:
    asked = evidence.ask_bundle(
        row, actor=actor_of(request), audience=audience, reason=posted(request, "reason")
    )
    words = "The redacted export" if audience == "external" else f"Bundle {asked.number}"
    return f"{words} is being made. This page shows when it is there."


def _log(request: HttpRequest, row: Mission) -> str:
    kept = evidence.write_log(row, actor=actor_of(request))
    return f"Written: {kept.name}."


def _hold(request: HttpRequest, row: Mission) -> str:
    evidence.place_hold(row, actor=actor_of(request), reason=posted(request, "reason"))
    return f"The evidence of {row.ref} is held: nothing of it goes."


def _release(request: HttpRequest, row: Mission) -> str:
    evidence.release_hold(row, actor=actor_of(request), reason=posted(request, "reason"))
    return f"The hold on {row.ref} has ended."


def _share(request: HttpRequest, row: Mission) -> str:
    guests = sharing.guests_of(row.workspace)
    named = uid_of(request, "person")
    person = guests.filter(uid=named).first() if named is not None else None
    if person is None:
        raise Invalid("Choose somebody.", details={"person": "Choose somebody."})
    reason = posted(request, "why")
    shared = sharing.share_mission(row, person, actor=actor_of(request), reason=reason)
    return f"{row.ref} is shown to {shared.person.name or shared.person.email}."


def _unshare(request: HttpRequest, row: Mission) -> str:
    shares = row.shares.select_related("person", "mission")
    named = uid_of(request, "share")
    found = shares.filter(uid=named).first() if named is not None else None
    if found is None:
        raise NotFound("It is shown to nobody of that name.")
    sharing.end_share(found, actor=actor_of(request), reason=posted(request, "why"))
    return f"{row.ref} is shown to {found.person.name or found.person.email} no longer."


def uid_of(request: HttpRequest, field: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(posted(request, field, 40))
    except ValueError:
        return None


_ACTS: dict[str, Callable[[HttpRequest, Mission], str]] = {
    "bundle": lambda request, row: _ask(request, row, "internal"),
    "export": lambda request, row: _ask(request, row, "external"),
    "log": _log,
    "hold": _hold,
    "release": _release,
    "share": _share,
    "unshare": _unshare,
}


@require_POST
@page
def act(request: HttpRequest, uid: uuid.UUID, slug: str) -> HttpResponseBase:
    """Make a bundle, an export or a log; hold by law, or let go; show it to other houses."""
    row = mission_of(request, uid)
    do = _ACTS.get(slug)
    if do is None:
        raise NotFound("There is no such step.")
    try:
        said = do(request, row)
    except (NotAllowed, NotFound):
        raise
    except ControlPlaneError as error:
        context: dict[str, Any] = {**shown.page(row, actor_of(request)), "wrong": slug}
        return show(request, TEMPLATE, context, row=row, error=error)
    messages.success(request, said)
    place = "shares" if slug in {"share", "unshare"} else "bundles"
    return HttpResponseRedirect(f"{links.evidence_of(row)}#{place}")
