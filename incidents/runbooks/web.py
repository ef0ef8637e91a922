"""Runbooks in the console: written with a preview, compared, worked through step by step, and what
was looked into noted."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from controlplane.access import policy
from controlplane.audit.services import record_denied
from controlplane.base.posting import tell
from controlplane.base.web import actor_of, workspace_of
from controlplane.lib.errors import ControlPlaneError, Invalid, NotAllowed, NotFound
from controlplane.work.models import Item
from incidents import links
from incidents.models import Alert, Incident, Runbook, RunbookRun, RunbookValidation, Ticket
from incidents.runbooks import books, drilled, reading, running, shown, using, validating
from incidents.runbooks.admin import here, here_or_refuse
from incidents.runbooks.template import BLANK
from incidents.web.common import page_for

page = page_for("runbook.view")
_AREA = forms.Textarea(attrs={"rows": 34, "spellcheck": "true", "class": "rb-source"})


class WriteForm(forms.Form):
    text = forms.CharField(
        label="The runbook", widget=_AREA, max_length=reading.MOST, strip=False, label_suffix="",
        help_text="Front matter, then the sections. A step is a block ```step KIND: title.",
    )  # fmt: skip
    item = forms.CharField(
        label="Discovered from", max_length=40, required=False, label_suffix="",
        help_text="The key of the work item it came out of, where there is one.",
    )  # fmt: skip
    reason = forms.CharField(
        label="What changed", max_length=500, required=False, label_suffix="",
        help_text="It stands beside the version.",
    )  # fmt: skip


class ValidateForm(forms.Form):
    environment = forms.CharField(label="Where", max_length=60, label_suffix="",
                                  help_text="As staging, or a drill in production.")  # fmt: skip
    result = forms.ChoiceField(
        label="What came of it", choices=RunbookValidation.Result.choices,
        widget=forms.RadioSelect, label_suffix="",
    )  # fmt: skip
    note = forms.CharField(
        label="What you saw", max_length=2_000, required=False, label_suffix="",
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="Needed where it did not work at once: what was wrong.",
    )  # fmt: skip


def _show(
    request: HttpRequest, template: str, context: dict[str, Any], status: int = 200
) -> HttpResponse:
    whole = {**admin.site.each_context(request), **context}
    return render(request, f"incidents/runbooks/{template}", whole, status=status)


def runbook_of(request: HttpRequest, uid: uuid.UUID) -> Runbook:
    """Out of scope is the same as gone."""
    rows = Runbook.objects.visible_to(actor_of(request)).select_related("current", "workspace")
    row: Runbook | None = rows.filter(uid=uid, current__isnull=False).first()
    if row is None:
        raise NotFound("No such runbook.")
    return row


@require_http_methods(["GET", "HEAD", "POST"])
@page
def edit(request: HttpRequest, uid: uuid.UUID | None = None) -> HttpResponse:
    """A new one, or the next version; of a shipped one the workspace gets its own."""
    where = here_or_refuse(request)
    policy.require(actor_of(request), books.ACTION, where)
    row = runbook_of(request, uid) if uid is not None else None
    text = row.current.text if row is not None and row.current is not None else BLANK
    data = request.POST if request.method == "POST" else None
    form = WriteForm(data, initial={"text": text})
    status, preview = 200, None
    if data is not None:
        status = 400
        if form.is_valid():
            try:
                if "look" in data:
                    preview = shown.parts(reading.read(form.cleaned_data["text"]))
                    status = 200
                else:
                    return _save(request, where, row, form.cleaned_data)
            except NotAllowed:
                raise
            except ControlPlaneError as error:
                tell(form, error)
                status = error.status
    context = {
        "title": "Edit" if row is not None else "Write a runbook", "row": row, "form": form,
        "preview": preview, "here": where, "kinds": reading.KINDS.items(),
        "back": links.page_of(row) if row is not None else links.listing(Runbook),
        "version": row.version if row is not None and row.workspace_id is not None else "",
    }  # fmt: skip
    return _show(request, "edit.html", context, status)


def _save(
    request: HttpRequest, where: Any, row: Runbook | None, given: dict[str, Any]
) -> HttpResponse:
    seen = request.POST.get("version", "")
    saved = books.save_runbook(
        where, given["text"], actor=actor_of(request), reason=given["reason"],
        slug=row.slug if row is not None else "",
        version=int(seen) if seen.isascii() and seen.isdigit() and len(seen) < 10 else None,
        source_item=_item(where, given["item"]),
    )  # fmt: skip
    number = saved.current.number if saved.current is not None else 1
    messages.success(request, f"Version {number} of {saved.title} holds in {where.name}.")
    return HttpResponseRedirect(links.page_of(saved))


def _item(where: Any, key: str) -> Item | None:
    if not key.strip():
        return None
    found: Item | None = Item.objects.filter(workspace=where, key__iexact=key.strip()).first()
    if found is None:
        raise Invalid("There is none of that key here.", details={"item": "None of that key."})
    return found


@require_safe
@page
def version(request: HttpRequest, uid: uuid.UUID, number: int) -> HttpResponse:
    """One version beside the one before it, or `beside=shipped`: what a release brings."""
    row = runbook_of(request, uid)
    found = row.versions.filter(number=number).first()
    if found is None:
        raise NotFound("There is no such version.")
    before = row.versions.filter(number__lt=number).order_by("-number").first()
    label = f"Version {before.number} and {number}" if before else f"Version {number}, the first"
    there = books.newer(row)
    if request.GET.get("beside") == "shipped" and there is not None:
        before, found, label = row.current, there, "Ours, and what the release brings"
    may = row.workspace is not None and policy.can(actor_of(request), books.ACTION, row.workspace)
    context = {
        "decide": found is there and bool(may),
        "title": f"Version {number}", "row": row, "found": found, "before": before, "label": label,
        "versions": list(row.versions.defer("text", "steps")[:50]), "back": links.page_of(row),
    }  # fmt: skip
    return _show(request, "version.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@page
def validate(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    where = here_or_refuse(request)
    policy.require(actor_of(request), validating.ACTION, where)
    row = runbook_of(request, uid)
    data = request.POST if request.method == "POST" else None
    form = ValidateForm(data)
    status = 200
    if data is not None:
        status = 400
        if form.is_valid():
            try:
                validating.validate(
                    row, actor=actor_of(request), workspace=where, **form.cleaned_data
                )
            except NotAllowed:
                raise
            except ControlPlaneError as error:
                tell(form, error)
                status = error.status
            else:
                messages.success(request, "It stands in the validation log.")
                return HttpResponseRedirect(links.page_of(row))
    context = {"title": "Say whether it works", "row": row, "form": form,
               "back": links.page_of(row)}  # fmt: skip
    return _show(request, "validate.html", context, status)


class AwayForm(forms.Form):
    replaced_by = forms.CharField(
        label="Replaced by", max_length=60, required=False, label_suffix="",
        help_text="The short name of the one to take instead, where there is one.",
    )  # fmt: skip
    reason = forms.CharField(label="Why", max_length=500, label_suffix="")


@require_http_methods(["GET", "HEAD", "POST"])
@page
def away(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    where = here_or_refuse(request)
    policy.require(actor_of(request), books.ACTION, where)
    row = runbook_of(request, uid)
    data = request.POST if request.method == "POST" else None
    form = AwayForm(data)
    status = 200
    if data is not None:
        status = 400
        if form.is_valid():
            try:
                given = form.cleaned_data
                done = books.archive(where, row.slug, actor=actor_of(request), **given)
            except NotAllowed:
                raise
            except ControlPlaneError as error:
                tell(form, error)
                status = error.status
            else:
                messages.success(request, f"{done.title} is put away in {where.name}.")
                return HttpResponseRedirect(links.page_of(done))
    context = {"title": "Put it away", "row": row, "form": form, "back": links.page_of(row)}
    return _show(request, "away.html", context, status)


@require_POST
@page
def take(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    """The newer text of the release holds from now on, or ours goes on to."""
    row, keep = runbook_of(request, uid), "keep" in request.POST
    try:
        reason = request.POST.get("reason", "")
        books.take_over(row, actor=actor_of(request), keep=keep, reason=reason)
    except ControlPlaneError as error:
        _told(request, error)
    else:
        messages.success(request, "Ours goes on." if keep else "The text of the release holds.")
    return HttpResponseRedirect(links.page_of(row))


@require_POST
@page
def act(request: HttpRequest, uid: uuid.UUID, verb: str) -> HttpResponse:
    """Begin to work through it, for real or for practice; or put it back."""
    row, actor, where = runbook_of(request, uid), actor_of(request), here_or_refuse(request)
    try:
        if verb == "begin":
            return HttpResponseRedirect(
                links.page_of(running.begin(row, actor=actor, workspace=where))
            )
        if verb == "drill":
            return HttpResponseRedirect(
                links.page_of(validating.begin_drill(row, where, actor=actor))
            )
        if verb != "put-back":
            raise NotFound("There is no such button.")
        books.put_back(row, actor=actor)
        messages.success(request, "It holds again.")
    except NotFound:
        raise
    except ControlPlaneError as error:
        _told(request, error)
    return HttpResponseRedirect(links.page_of(row))


# --- Runs ---------------------------------------------------------------------------------------


def run_of(request: HttpRequest, uid: uuid.UUID) -> RunbookRun:
    rows: Any = RunbookRun.objects.visible_to(actor_of(request))
    chosen = workspace_of(request)
    if chosen is not None:
        rows = rows.of(chosen)
    related = ("runbook", "incident__service", "text", "workspace", "drill")
    row: RunbookRun | None = rows.select_related(*related).filter(uid=uid).first()
    if row is None:
        raise NotFound("No such run.")
    return row


def _told(request: HttpRequest, error: ControlPlaneError) -> None:
    if isinstance(error, NotAllowed):
        record_denied(error)
    said = "; ".join(str(each) for each in error.details.values()) if error.details else ""
    messages.error(request, said or error.message)


@require_POST
@page
def step(request: HttpRequest, uid: uuid.UUID, number: int) -> HttpResponse:
    """Run it, tick it, or leave it out."""
    run, actor, data = run_of(request, uid), actor_of(request), request.POST
    note = data.get("note", "")
    try:
        if "skip" in data:
            running.tick(run, number, actor=actor, note=note, skipped=True)
        elif "tick" in data:
            running.tick(run, number, actor=actor, note=note)
        else:
            given = {
                name[6:]: str(value) for name, value in data.items() if name.startswith("given-")
            }
            row = running.run_step(
                run, number, actor=actor, given=given, confirmed="sure" in data, reason=note
            )
            if row.state != "done":
                messages.error(request, f"Step {number}: {row.get_state_display()}.")
    except ControlPlaneError as error:
        _told(request, error)
    return HttpResponseRedirect(f"{links.page_of(run)}#step-{number}")


@require_POST
@page
def over(request: HttpRequest, uid: uuid.UUID, verb: str) -> HttpResponse:
    """All done, or abandoned; a drill is scored with it."""
    run, actor = run_of(request, uid), actor_of(request)
    acts: dict[tuple[str, bool], Callable[..., RunbookRun]] = {
        ("done", False): running.end, ("done", True): validating.end_drill,
        ("abandoned", False): running.abandon, ("abandoned", True): validating.abandon_drill,
    }  # fmt: skip
    act = acts.get((verb, run.drill_id is not None))
    if act is None:
        raise NotFound("There is no such button.")
    try:
        act(run, actor=actor, reason=request.POST.get("reason", ""))
    except ControlPlaneError as error:
        _told(request, error)
    else:
        messages.success(request, "The run is over.")
    return HttpResponseRedirect(links.page_of(run))


@require_POST
@page
def consult(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    """Open it for an incident, an alert or a ticket, which is noted; with `run`, work through it
    for it."""
    row, actor = runbook_of(request, uid), actor_of(request)
    incident = _named(Incident, actor, request.POST.get("incident", ""))
    alert = _named(Alert, actor, request.POST.get("alert", ""))
    ticket = _named(Ticket, actor, request.POST.get("ticket", ""))
    if incident is None and alert is None and ticket is None:
        raise NotFound("Say what it is opened for.")
    if "run" in request.POST and incident is not None:
        try:
            run = running.begin(row, actor=actor, incident=incident)
        except ControlPlaneError as error:
            _told(request, error)
            return HttpResponseRedirect(links.page_of(incident))
        return HttpResponseRedirect(links.page_of(run))
    using.consult(row, actor=actor, incident=incident, alert=alert, ticket=ticket)
    return HttpResponseRedirect(links.page_of(row))


def _named(model: Any, actor: Any, given: str) -> Any:
    try:
        uid = uuid.UUID(given)
    except ValueError:
        return None
    return model.objects.visible_to(actor).filter(uid=uid).first()


@require_safe
@page_for("paging.view")
def drills(request: HttpRequest, form: str) -> HttpResponse:
    """The log of drills as a file."""
    where = here(request)
    rows = drilled.rows_of(actor_of(request), where)
    answer = HttpResponse(drilled.written(rows, form), content_type=drilled.TYPES[form])
    answer["Content-Disposition"] = f'attachment; filename="drills.{form}"'
    return answer


@require_safe
@page
def as_file(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    """Its Markdown, with the validation log of the workspace under it."""
    row = runbook_of(request, uid)
    where = here(request)
    text = drilled.with_log(row, where.pk if where is not None else None)
    answer = HttpResponse(text, content_type="text/markdown; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{row.slug}.md"'
    return answer


def by_name(request: HttpRequest, slug: str) -> HttpResponse:
    """/admin/runbooks/NAME/: by slug or alias, as rules, items and people name it."""
    if not admin.site.has_permission(request):
        return admin.site.login(request)
    policy.require(actor_of(request), "runbook.view")
    where = here(request)
    row = books.find(where.pk, slug) if where is not None else None
    if row is None:
        rows = Runbook.objects.visible_to(actor_of(request)).filter(workspace=None)
        row = rows.filter(slug=slug).first() or rows.filter(aliases__contains=[slug]).first()
    if row is None:
        raise NotFound("There is no runbook of this name.")
    return HttpResponseRedirect(reverse("admin:incidents_runbook_change", args=[row.uid]))
