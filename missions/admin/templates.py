"""Policy templates in the console: what a workspace asks of its missions, and what it asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from controlplane.base.admin import ModelAdmin, button
from controlplane.base.admin.buttons import Place, ShownButton
from controlplane.base.admin.questions import question
from controlplane.base.web import actor_of, workspace_of
from controlplane.lib.errors import Invalid
from missions import guard_figures as figures
from missions import guarding, services
from missions.models import PolicyTemplate
from missions.services.templates import SAID

if TYPE_CHECKING:
    _Form = forms.ModelForm[PolicyTemplate]
else:
    _Form = forms.ModelForm
_WRITTEN = (*SAID, "is_default")


class FiguresField(forms.CharField):
    """The figures as lines; what they come to is known with what stood there before."""

    widget = forms.Textarea(attrs={"rows": 3})

    def prepare_value(self, value: Any) -> Any:
        return value if isinstance(value, str) else figures.lines(value)


class TemplateForm(_Form):
    category = forms.ChoiceField(choices=list(guarding.CATEGORIES.items()))
    params = FiguresField(
        required=False,
        label="Figures",
        help_text="One a line, its name first: max calls per minute: 30",
    )

    class Meta:
        model = PolicyTemplate
        fields = ("slug", *_WRITTEN)

    def clean_params(self) -> dict[str, Any]:
        try:
            return figures.from_lines(self.cleaned_data["params"], self.initial.get("params"))
        except Invalid as error:
            raise forms.ValidationError(error.message) from error


def _in_use(row: PolicyTemplate) -> str:
    return "It is retired." if row.is_retired else ""


def _retired(row: PolicyTemplate) -> str:
    return "" if row.is_retired else "It is in use."


VERSIONS = (
    ("number", "Version", "number"),
    ("at", "Since", "when"),
    ("by", "By", "person"),
    ("what", "What changed"),
    ("why", "Why"),
)


def versions(row: PolicyTemplate) -> list[dict[str, Any]]:
    """The newest first, each with what differs from the one before."""
    kept = list(row.versions.order_by("-number")[:50])
    before = [*kept[1:], None]
    return [
        {"number": one.number, "at": one.at, "by": one.by, "why": one.reason,
         "what": _differs(one.said, last.said if last is not None else None)}
        for one, last in zip(kept, before, strict=True)
    ]  # fmt: skip


def _differs(said: dict[str, Any], last: dict[str, Any] | None) -> str:
    if last is None:
        return "Added"
    found = [
        f"{_NAMES.get(name, name.replace('_', ' '))}: {_short(last.get(name))} →"
        f" {_short(said.get(name))}"
        for name in SAID
        if said.get(name) != last.get(name)
    ]
    return "; ".join(found)


_NAMES = {"params": "figures"}


def _short(value: Any) -> str:
    value = figures.said(value) if isinstance(value, dict) else value
    text = str(value) if value not in ("", None) else "nothing"
    return text if len(text) <= 60 else f"{text[:59]}…"


@admin.register(PolicyTemplate)
class PolicyTemplateAdmin(ModelAdmin[PolicyTemplate]):
    list_name = "Policy templates"
    view_action = "mission.view"
    add_action = "mission.templates"
    change_action = "mission.templates"
    about = "What this workspace asks of its missions. A mission keeps the version it took over."
    tabs = (("In use", "kept=yes"), ("By itself", "is_default__exact=1"), ("All", "view=all"))
    empty = "No policy template yet."
    empty_hint = "The shipped ones come with the first mission that is started."
    list_display = ["title", "state", "category", "severity", "mode", "is_default", "number"]
    phone_columns = ("state", "severity")
    list_filter = (
        question("In use", "kept", {"yes": ("In use", lambda rows: rows.in_use())}),
        *("severity", "mode", "is_default"),
    )
    search_fields = ["title", "slug"]
    in_palette = True
    form = TemplateForm
    add_fields = ("slug", *_WRITTEN)
    edit_fields = _WRITTEN
    panel_template = "missions/guard/template.html"
    labels: ClassVar[Mapping[str, str]] = {
        "is_default": "Suggested to every mission", "number": "Version",
        "auto_fix": "Agents may mend", "changed_by": "Changed by", "changed_at": "Changed",
        "mode": "A violation",
    }  # fmt: skip
    head_state = "state"
    head_severity = "severity"
    head_clocks = ("changed_at",)
    facts = ("state", "slug", "category", "mode", "auto_fix", "figures", "is_default", "number",
             "description", "changed_by", "changed_at", "version")  # fmt: skip

    def _shown(self, request: HttpRequest, place: Place, obj: Any) -> list[ShownButton]:
        """Retire what is in use, bring back what is not."""
        found = super()._shown(request, place, obj)
        if obj is None:
            return found
        idle = "retire" if obj.is_retired else "bring_back"
        return [one for one in found if one.name != idle]

    @admin.display(description="Figures")
    def figures(self, obj: PolicyTemplate) -> str:
        return figures.said(obj.params)

    @admin.display(description="State")
    def state(self, obj: PolicyTemplate) -> str:
        return "Retired" if obj.is_retired else "In use"

    def panel_context(self, request: HttpRequest, obj: PolicyTemplate) -> Mapping[str, Any]:
        return {"version_columns": VERSIONS, "version_rows": versions(obj)}

    def service_save(
        self,
        request: HttpRequest,
        obj: PolicyTemplate,
        form: forms.ModelForm[PolicyTemplate],
        change: bool,
    ) -> PolicyTemplate:
        actor, values = actor_of(request), dict(form.cleaned_data)
        values["params"] = values.get("params") or {}
        if change:
            values.pop("slug", None)
            return services.change_template(obj, actor=actor, **values)
        workspace = workspace_of(request)
        if workspace is None:
            known = list(getattr(request, "workspaces", []))
            if len(known) != 1:
                raise Invalid("Choose the workspace it is for.")
            workspace = known[0]
        return services.add_template(workspace, actor=actor, **values)

    @button(label="Retire", action="mission.templates", reason=True, quiet=True, when=_in_use)
    def retire(self, request: HttpRequest, obj: PolicyTemplate, reason: str) -> str:
        services.retire_template(obj, actor=actor_of(request), reason=reason)
        return "No mission is suggested it any more."

    @button(label="Bring back", action="mission.templates", when=_retired)
    def bring_back(self, request: HttpRequest, obj: PolicyTemplate, reason: str) -> str:
        services.retire_template(obj, actor=actor_of(request), on=False)
        return "It is in use again."
