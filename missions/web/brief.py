"""The brief: read as a whole, and written on a page of its own."""

from __future__ import annotations

import uuid
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_http_methods

from controlplane.access import policy
from controlplane.base.posting import tell, version_of
from controlplane.base.web import actor_of
from controlplane.lib.errors import Conflict, ControlPlaneError, NotAllowed, NotFound
from missions import links, services
from missions.models import Brief, Mission
from missions.services.holding import brief_of
from missions.shown.page import kpi_of
from missions.web.common import mission_of, page, show

LONG = 16_000


def _long(label: str, help_text: str, rows: int = 3) -> forms.CharField:
    widget = forms.Textarea(attrs={"rows": rows})
    return forms.CharField(
        label=label, help_text=help_text, max_length=LONG, required=False, widget=widget
    )


def _figure(label: str, help_text: str) -> forms.DecimalField:
    widget = forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"})
    return forms.DecimalField(
        label=label, help_text=help_text, required=False, max_digits=18, decimal_places=4,
        widget=widget,
    )  # fmt: skip


class BriefForm(forms.Form):
    objective = _long(
        "Objective", "What agents are to do, so that somebody who was not there could check it."
    )
    audience = _long("Audience", "Whom it touches: which people, which records, how many.", 2)
    business_objective = _long(
        "Business objective", "What it is good for. The retrospective asks whether it came true.", 2
    )
    kpi_name = forms.CharField(
        label="KPI", max_length=120, required=False,
        help_text="The one number it is judged by: “Accounts that answer”.",
    )  # fmt: skip
    kpi_unit = forms.CharField(
        label="Unit", max_length=40, required=False, help_text="What is counted: accounts, %, €, h."
    )
    kpi_baseline = _figure("Where it stands now", "Measured, not guessed.")
    kpi_target = _figure("Where it shall stand", "On the side of it that is better.")
    kpi_direction = forms.ChoiceField(
        label="Better is", choices=Brief.Direction.choices, required=False
    )
    kpi_deadline = forms.DateField(
        label="By when", required=False, widget=forms.DateInput(attrs={"type": "date"}),
        help_text="When the number is read.",
    )  # fmt: skip
    timeline = _long("Time frame", "When what is there: “drafts in one week, answers in three”.", 2)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.label_suffix = ""


SECTIONS = (
    ("What is to be done", "", (("objective",), ("audience",), ("timeline",))),
    (
        "What it is good for",
        "The checkpoint of Define asks for a measurable KPI: a name, a unit, from where to where, "
        "by when.",
        (("business_objective",), ("kpi_name", "kpi_unit"), ("kpi_baseline", "kpi_target"),
         ("kpi_direction", "kpi_deadline")),
    ),
)  # fmt: skip
SAID = (
    ("objective", "Objective"), ("audience", "Audience"), ("timeline", "Time frame"),
    ("business_objective", "Business objective"),
)  # fmt: skip


@require_http_methods(["GET", "HEAD", "POST"])
@page
def brief(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    """The form while it is open and this person may write; else what it says, and why not."""
    row = mission_of(request, uid)
    known, actor = brief_of(row), actor_of(request)
    why_not = _refusal(row, known, actor)
    if request.method != "POST":
        form = None if why_not else BriefForm(initial=_initial(known))
        return _show(request, row, known, form, why_not)
    form = BriefForm(request.POST)
    status = 400
    if form.is_valid():
        given = {**form.cleaned_data}
        given["kpi_direction"] = given["kpi_direction"] or known.kpi_direction
        try:
            services.put_brief(row, actor=actor, version=version_of(request), **given)
        except (NotAllowed, NotFound):
            raise
        except Conflict as error:
            # What was typed stays; saved again, it is meant over what somebody else wrote.
            tell(form, error)
            status, known = error.status, brief_of(row)
        except ControlPlaneError as error:
            tell(form, error)
            status = error.status
        else:
            messages.success(request, "The brief is written.")
            return HttpResponseRedirect(f"{links.page_of(row)}#brief")
    return _show(request, row, known, form, "", status)


def _refusal(row: Mission, known: Brief, actor: Any) -> str:
    decision = policy.can(actor, "mission.brief", row)
    if not row.is_open:
        return f"{row.ref} is {row.get_status_display().lower()}."
    if known.is_locked:
        return "It is locked: whoever may open it again goes back to Define with it."
    return "" if decision else f"Writing it: {decision.reason}."


def _initial(known: Brief) -> dict[str, Any]:
    found = {name: getattr(known, name) for name in BriefForm.base_fields}
    for name in ("kpi_baseline", "kpi_target"):
        value = found[name]
        found[name] = f"{value.normalize():f}" if value is not None else None
    return found


def _show(
    request: HttpRequest,
    row: Mission,
    known: Brief,
    form: BriefForm | None,
    why_not: str,
    status: int = 200,
) -> HttpResponse:
    context = {
        "title": "Brief",
        "brief": known,
        "form": form,
        "why_not": why_not,
        "kpi": kpi_of(known),
        "said": [(label, getattr(known, name)) for name, label in SAID],
        "sections": _sections(form) if form is not None else [],
        "version": known.version,
    }
    return show(request, "brief.html", context, row=row, status=status)


def _sections(form: BriefForm) -> list[tuple[str, str, list[list[Any]]]]:
    return [
        (words, about, [[form[name] for name in group] for group in groups])
        for words, about, groups in SECTIONS
    ]
