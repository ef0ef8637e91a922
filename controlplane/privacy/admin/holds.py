"""Legal holds in the console: what stands, what it keeps, placing one and lifting it."""

from __future__ import annotations

from collections.abc import Mapping
from operator import itemgetter
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.text import capfirst

from controlplane.access.models import User
from controlplane.base import holds
from controlplane.base.admin import ModelAdmin, button, question
from controlplane.base.admin.linking import list_url
from controlplane.base.data_rules import RetentionClass, kind_of_data, retention
from controlplane.base.models import RetentionRun
from controlplane.base.web import actor_of, workspace_of
from controlplane.lib.errors import Invalid
from controlplane.privacy import services
from controlplane.privacy.models import LegalHold
from controlplane.privacy.services.holding import seen
from missions.models import EvidenceHold

if TYPE_CHECKING:
    _HoldForm = forms.ModelForm[LegalHold]
else:
    _HoldForm = forms.ModelForm
Kind = LegalHold.Kind


def _choices() -> list[tuple[str, str]]:
    ends = [(entry.slug, capfirst(entry.what)) for entry in retention if entry.keep is not None]
    return [("", "Choose a kind of data"), *sorted(ends, key=itemgetter(1))]


class HoldForm(_HoldForm):
    slug = forms.ChoiceField(
        choices=_choices, required=False, label="Kind of data",
        help_text="For one kind of data only. A kind that belongs to no workspace is held for the"
        " whole installation, by a superuser.",
    )  # fmt: skip

    class Meta:
        model = LegalHold
        fields = ("kind", "slug", "ref", "person", "reason")
        labels: ClassVar[Mapping[str, str]] = {"kind": "On", "ref": "Incident, ticket or thread"}
        widgets: ClassVar[Mapping[str, Any]] = {"reason": forms.Textarea(attrs={"rows": 3})}
        help_texts: ClassVar[Mapping[str, str]] = {
            "ref": "Its name, such as INC-12. A mission is held on its own page, under Evidence.",
            "person": "Whoever is held can't be erased.",
            "reason": "By whose order, and for what. Name the matter, not what is in dispute.",
        }


def _lifted(obj: LegalHold) -> str:
    return "" if obj.stands else "It is lifted already."


@admin.register(LegalHold)
class LegalHoldAdmin(ModelAdmin[LegalHold]):
    list_name = "Legal holds"
    view_action = "legal_hold.view"
    add_action = "legal_hold.place"
    about = "What must not go, by whose order. The clean-up leaves it, and nobody erases it."
    tabs = (("Standing", "standing=yes"), ("All", "view=all"))
    empty = "No legal hold stands."
    empty_hint = "Legal and compliance place one when the law or a dispute wants data kept."
    list_display = ["on", "state", "reason", "placed_by", "placed_at"]
    phone_columns = ("state", "placed_at")
    list_filter = (
        question("Standing", "standing", {"yes": ("Standing", lambda rows: rows.standing())}),
        "kind",
    )
    search_fields = ["ref", "slug", "reason"]
    list_select_related = ["person", "workspace"]
    list_panel_template = "privacy/list_holds.html"
    head_state = "state"
    head_clocks = ("placed_at",)
    form = HoldForm
    add_fields = ("kind", "slug", "ref", "person", "reason")
    facts = (
        *("on", "where", "reason", "placed_by", "placed_at"),
        *("lifted_at", "lifted_by", "lift_reason", "uid"),
    )
    labels: ClassVar[Mapping[str, str]] = {
        "slug": "Kind of data", "placed_at": "Since", "lifted_at": "Lifted",
        "lift_reason": "Lifted because",
    }  # fmt: skip
    panel_template = "privacy/panel_hold.html"

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("person", "workspace")

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        form_class = super().get_form(request, obj, change, **kwargs)
        fields, where = form_class.base_fields, workspace_of(request)
        if "person" in fields:
            actor = actor_of(request)
            people = User.objects.visible_to(actor).filter(memberships__workspace=where)
            fields["person"].queryset = people.distinct().order_by("name", "email")
            fields["person"].label_from_instance = lambda user: f"{user.name} ({user.email})"
            fields["person"].empty_label = "Choose somebody"
            kinds = [one for one in Kind.choices if one[0] != "installation" or actor.superuser]
            # None is chosen before somebody chooses: the widest is not what is meant by default.
            fields["kind"].choices = [("", "Choose what it is on"), *kinds]
        return form_class

    def heading(self, obj: LegalHold) -> str:
        return f"Legal hold on {self.on(obj)}"

    def response_add(
        self, request: HttpRequest, obj: LegalHold, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Said to its reader by its heading: in words that outlive an account it names nobody."""
        messages.success(request, f"{self.heading(obj)} is in force.")
        return HttpResponseRedirect(self.object_url(obj))

    @admin.display(description="On")
    def on(self, obj: LegalHold) -> str:
        if obj.kind == Kind.CLASS:
            return kind_of_data(obj.slug)
        if obj.person is not None:
            return obj.person.name or obj.person.email
        if obj.kind == Kind.EVERYTHING:
            return "everything of the workspace"
        return obj.ref or "the whole installation"

    @admin.display(description="Where")
    def where(self, obj: LegalHold) -> str:
        return "the whole installation" if obj.workspace is None else obj.workspace.name

    @admin.display(description="State")
    def state(self, obj: LegalHold) -> str:
        return "In force" if obj.stands else "Lifted"

    def list_panel_context(self, request: HttpRequest) -> Mapping[str, Any]:
        mine = EvidenceHold.objects.visible_to(actor_of(request)).standing()
        return {"missions": mine.count(), "missions_url": list_url(EvidenceHold)}

    def panel_context(self, request: HttpRequest, obj: LegalHold) -> Mapping[str, Any]:
        return {
            "kinds": [_told(entry) for entry in _reached(obj)],
            "runs_url": list_url(RetentionRun),
        }

    def service_save(
        self, request: HttpRequest, obj: LegalHold, form: forms.ModelForm[LegalHold], change: bool
    ) -> LegalHold:
        where = workspace_of(request)
        if where is None:
            raise Invalid("Choose the workspace it is for.")
        given = {name: form.cleaned_data[name] for name in self.add_fields}
        return services.place_hold(where, actor=actor_of(request), **given)

    @button(label="Lift", action="legal_hold.lift", reason=True, quiet=True, when=_lifted,
            confirm="What is past its time goes with the next clean-up.")  # fmt: skip
    def lift(self, request: HttpRequest, obj: LegalHold, reason: str) -> str:
        services.lift_hold(obj, actor=actor_of(request), reason=reason)
        return "It is lifted."


def _reached(obj: LegalHold) -> list[RetentionClass]:
    slugs = set(holds.reached(seen(obj)))
    return [entry for entry in retention if entry.slug in slugs]


def _told(entry: RetentionClass) -> dict[str, Any]:
    return {"what": entry.what, "slug": entry.slug, "keep": entry.keep,
            "why": entry.why}  # fmt: skip
