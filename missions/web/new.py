"""Planning a mission: what is wanted, who answers for it, which kind, by when; and started at once
where it is clear enough."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_http_methods

from controlplane.access import policy
from controlplane.access.models import User, Workspace
from controlplane.base.posting import tell, workspace_for
from controlplane.base.web import actor_of
from controlplane.lib.errors import ControlPlaneError, NotAllowed, NotFound
from missions import links, services, stages
from missions.admin.forms import PersonField
from missions.models import Mission
from missions.web.common import page, show


def owners_in(workspace: Workspace) -> Any:
    """Mission owners of a workspace."""
    held = User.objects.filter(
        is_active=True,
        memberships__workspace=workspace,
        memberships__left_at=None,
        memberships__grants__role=stages.kinds.OWNER,
    )
    return held.distinct().order_by("name", "email")


class NewForm(forms.Form):
    title = forms.CharField(
        label="In a line", max_length=200, widget=forms.TextInput(attrs={"autofocus": True}),
        help_text="“Win back dormant accounts in the EU”.",
    )  # fmt: skip
    intent = forms.CharField(
        label="What is wanted", max_length=16_000, required=False,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="In the words of whoever wants it, and what must not happen. It is signed.",
    )  # fmt: skip
    owner = PersonField(
        queryset=User.objects.none(), required=False, label="Mission owner",
        help_text="Answers for it and signs for the business. Nobody named: you.",
    )  # fmt: skip
    persona = forms.CharField(
        label="For whom", max_length=100, required=False, help_text="Who has the outcome."
    )
    mission_type = forms.CharField(
        label="Type", max_length=40, required=False,
        widget=forms.TextInput(attrs={"list": "mission-types", "autocomplete": "off"}),
        help_text="Letters, digits and _. The flag mission_type_… of this name must be on for it "
        "to run; without a type no flag is asked.",
    )  # fmt: skip
    priority = forms.TypedChoiceField(
        label="Priority", choices=Mission.Priority.choices, coerce=int, initial=2
    )
    due_on = forms.DateField(
        label="Due", required=False, widget=forms.DateInput(attrs={"type": "date"}),
        help_text="Late from the day after.",
    )  # fmt: skip
    tags = forms.CharField(
        label="Tags", max_length=1_000, required=False, help_text="Separated by commas."
    )

    def __init__(self, data: Any, workspace: Workspace, **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        self.fields["owner"].queryset = owners_in(workspace)  # type: ignore[attr-defined]
        for field in self.fields.values():
            field.label_suffix = ""

    def given(self) -> dict[str, Any]:
        found = dict(self.cleaned_data)
        found["tags"] = [each for part in found["tags"].split(",") if (each := part.strip())]
        return found


SECTIONS = (
    ("The intent", (("title",), ("intent",))),
    ("Who", (("owner", "persona"),)),
    ("Which kind", (("mission_type", "priority"), ("tags",))),
    ("By when", (("due_on",),)),
)


@require_http_methods(["GET", "HEAD", "POST"])
@page
def new(request: HttpRequest) -> HttpResponse:
    workspace = workspace_for(request, "mission.create")
    actor = actor_of(request)
    policy.require(actor, "mission.create", workspace)
    asked = {"title": request.GET.get("title", "").replace("\x00", "")[:200]}
    form = NewForm(request.POST or None, workspace, initial=asked)
    status = 200
    if request.method == "POST":
        status = 400
        if form.is_valid():
            begin = request.POST.get("do") == "start"
            try:
                with transaction.atomic():
                    made = services.create_mission(workspace, actor=actor, **form.given())
                    if begin:
                        made = services.start_mission(made, actor=actor)
            except (NotAllowed, NotFound):
                raise
            except ControlPlaneError as error:
                tell(form, error)
                status = error.status
            else:
                messages.success(
                    request, f"{made.ref} is in Define." if begin else f"{made.ref} is planned."
                )
                return HttpResponseRedirect(links.page_of(made))
    may_start = policy.can(actor, "mission.start", workspace)
    context = {
        "title": "New mission",
        "form": form,
        "sections": [
            (words, "", [[form[name] for name in group] for group in groups])
            for words, groups in SECTIONS
        ],
        "types": _types(workspace),
        "workspace": workspace,
        "may_start": bool(may_start),
        "why_no_start": "" if may_start else may_start.reason,
    }
    return show(request, "new.html", context, status=status)


def _types(workspace: Workspace) -> list[str]:
    """Those in use here, for the field to offer."""
    rows = Mission.objects.of(workspace).exclude(mission_type="").order_by("mission_type")
    return list(rows.values_list("mission_type", flat=True).distinct()[:50])
