"""A line of a launch's checklist, and the checklist as a file."""

from __future__ import annotations

import uuid
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_http_methods, require_safe

from controlplane.access import policy
from controlplane.base.web import actor_of
from controlplane.lib.errors import ControlPlaneError, NotAllowed, NotFound
from deployments.launches import LINES, standing
from deployments.models import Launch, LaunchLine
from deployments.overview import checklist, checklist_paper
from deployments.overview import links as addresses
from deployments.services import launches
from deployments.web.boards_common import page_for, show

PLACES = 3  # more rows for evidence come when these are filled
_HINTS = {line.slug: line.evidence for line in LINES}


class LineForm(forms.Form):
    state = forms.ChoiceField(
        label="State", choices=LaunchLine.State.choices, widget=forms.RadioSelect, initial="done"
    )
    note = forms.CharField(
        label="Note",
        max_length=500,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Why it does not apply, or what is to be known.",
    )

    def __init__(self, data: Any, line: LaunchLine) -> None:
        shown = line.state if line.state != "open" else "done"
        super().__init__(data, initial={"state": shown, "note": line.note}, label_suffix="")
        fields: dict[str, Any] = self.fields
        self.places = max(PLACES, len(line.evidence) + 1)
        for place in range(self.places):
            known = line.evidence[place] if place < len(line.evidence) else {}
            for name, label, most in (("label", "What", 300), ("link", "Where", 500)):
                fields[f"{name}{place}"] = forms.CharField(
                    label=f"{label}, {place + 1}",
                    max_length=most,
                    required=False,
                    initial=known.get(name, ""),
                )

    @property
    def evidence_rows(self) -> list[tuple[Any, Any]]:
        return [(self[f"label{place}"], self[f"link{place}"]) for place in range(self.places)]

    def evidence(self) -> list[dict[str, str]]:
        """A link without words is its own words."""
        found = []
        for place in range(self.places):
            label = self.cleaned_data.get(f"label{place}", "")
            link = self.cleaned_data.get(f"link{place}", "")
            if label or link:
                found.append({"label": (label or link)[:300], "link": link})
        return found


def launch_of(request: HttpRequest, uid: uuid.UUID) -> Launch:
    """Out of scope is the same as gone."""
    rows = Launch.objects.visible_to(actor_of(request)).select_related("workspace", "approval")
    found: Launch | None = rows.filter(uid=uid).first()
    if found is None:
        raise NotFound("No such launch.")
    return found


@require_http_methods(["GET", "HEAD", "POST"])
@page_for("launch.view")
def line(request: HttpRequest, uid: uuid.UUID, slug: str) -> HttpResponse:
    launch = launch_of(request, uid)
    row = LaunchLine.objects.filter(launch=launch, slug=slug).select_related("launch").first()
    if row is None:
        raise NotFound("No such line.")
    policy.require(actor_of(request), launches.TICK, launch)
    form = LineForm(request.POST if request.method == "POST" else None, row)
    if request.method == "POST" and form.is_valid() and _settled(request, row, form):
        return HttpResponseRedirect(addresses.launch(launch))
    context = {
        "title": row.title,
        "launch": launch,
        "line": row,
        "form": form,
        "hint": _HINTS.get(row.slug, ""),
        "known": standing(row.slug, launch.workspace_id),
        "back": addresses.launch(launch),
        "signed": launch.status in {"signing", "signed"},
    }
    return show(request, "board_line.html", context, status=422 if form.errors else 200)


def _settled(request: HttpRequest, row: LaunchLine, form: LineForm) -> bool:
    try:
        launches.settle_line(
            row,
            actor=actor_of(request),
            state=form.cleaned_data["state"],
            note=form.cleaned_data["note"],
            evidence=form.evidence(),
        )
    except NotAllowed:
        raise
    except ControlPlaneError as error:
        for field, said in error.details.items():
            # Of evidence the first row is the one to fill.
            name = "label0" if field.startswith("evidence") else field
            if name in form.fields:
                form.add_error(name, str(said))
                return False
        form.add_error(None, error.message)
        return False
    messages.success(request, f"{row.title}: {row.State(form.cleaned_data['state']).label}.")
    return True


@require_safe
@page_for("launch.view")
def checklist_file(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    launch = launch_of(request, uid)
    answer = HttpResponse(checklist.markdown(launch), content_type="text/markdown; charset=utf-8")
    name = f"launch-{launch.ref.lower()}.md"
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


@require_safe
@page_for("launch.view")
def checklist_pdf(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    launch = launch_of(request, uid)
    sheets = checklist_paper.pdf(launch, actor_of(request))
    answer = HttpResponse(sheets, content_type="application/pdf")
    answer["Content-Disposition"] = f'attachment; filename="launch-{launch.ref.lower()}.pdf"'
    return answer
