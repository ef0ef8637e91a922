"""The allow-list: what may be run or called for a deployment. Nothing else ever is."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.cache import add_never_cache_headers

from controlplane.access.models import Workspace
from controlplane.base.admin import ModelAdmin, button
from controlplane.base.admin.buttons import seen_in
from controlplane.base.admin.questions import question
from controlplane.base.web import actor_of, workspace_of
from controlplane.catalog.models import Environment
from controlplane.lib.errors import Invalid
from deployments import services
from deployments.models import Adapter, Step
from deployments.services.adapters import WithSecret, hold_consented
from deployments.steps import templates

FIELDS = ("title", "argv", "url", "environments", "for_step", "timeout_s")
MOST_SHOWN = 12

if TYPE_CHECKING:
    _Form = forms.ModelForm[Adapter]
else:
    _Form = forms.ModelForm


def steps_known() -> list[tuple[str, str]]:
    """The steps that templates lay out, by what an adapter is offered for."""
    found: dict[str, str] = {}
    for table in (templates.BY_KIND, templates.UNDO):
        for chosen in table.values():
            found |= {each.slug: each.title for each in chosen}
    return [("", "None by itself"), *((slug, f"{title} ({slug})") for slug, title in found.items())]


class AdapterForm(_Form):
    argv = forms.CharField(
        label="Command",
        required=False,
        max_length=20_000,
        widget=forms.Textarea(attrs={"rows": 5, "spellcheck": "false"}),
        help_text="Of a command: the program and each argument on a line of its own. No shell "
        "reads it. {release}, {image}, {environment} and {commit} are filled in.",
    )
    for_step = forms.ChoiceField(
        label="Offered for the step",
        required=False,
        choices=steps_known,
        help_text="A deployment that is prepared while it is switched on gets it for that step.",
    )
    environments = forms.ModelMultipleChoiceField(
        label="Allowed in",
        queryset=Environment.objects.none(),
        widget=forms.CheckboxSelectMultiple,
    )

    class Meta:
        model = Adapter
        fields = ("slug", "kind", "title", "argv", "url", "environments", "for_step", "timeout_s")
        help_texts: ClassVar[Mapping[str, str]] = {
            "slug": "In addresses and answers; it stays.",
            "url": "Of a webhook: where the signed call goes.",
            "timeout_s": "Seconds until it is taken for failed; at most 7,200.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: dict[str, Any] = self.fields
        if "kind" in fields:
            fields["kind"].choices = Adapter.Kind.choices
            fields["kind"].initial = Adapter.Kind.COMMAND
        if self.instance.pk:
            self.initial["argv"] = "\n".join(self.instance.argv)

    def _post_clean(self) -> None:
        """What the model would refuse the service refuses, beside the field."""

    def parts(self) -> list[str]:
        lines = self.cleaned_data["argv"].splitlines()
        return [line.strip() for line in lines if line.strip()]


@admin.register(Adapter)
class AdapterAdmin(ModelAdmin[Adapter]):
    list_name = "Adapters"
    view_action = "deployment.view"
    add_action = "deployment.adapters"
    change_action = "deployment.adapters"
    about = "What may be run or called for a deployment. Nothing else ever is."
    tabs = (("In use", "show=on"), ("Switched off", "show=off"), ("All", "view=all"))
    empty = "Nothing may be run: every step is done by hand."
    empty_hint = "POST /api/v1/deployment-adapters adds one, switched off."
    list_display = ["title", "state", "kind", "allowed", "for_step", "timeout", "slug"]
    phone_columns = ("state", "allowed")
    list_filter = (
        question(
            "Show",
            "show",
            {
                "on": ("In use", lambda rows: rows.filter(enabled=True)),
                "off": ("Switched off", lambda rows: rows.filter(enabled=False)),
            },
        ),
        "kind",
        "environments",
    )
    search_fields = ["slug", "title"]
    in_palette = True
    form = AdapterForm
    add_fields = ("slug", "kind", *FIELDS)
    edit_fields = FIELDS
    change_form_template = "deployments/deck/row.html"
    change_list_template = "deployments/deck/rows.html"
    panel_template = "deployments/deck/panel_adapter.html"
    labels: ClassVar[Mapping[str, str]] = {
        "timeout_s": "Seconds it may take", "timeout": "Time-out", "url": "Address",
        "for_step": "For the step", "argv": "Command",
    }  # fmt: skip
    head_state = "state"
    facts = ("state", "kind", "allowed", "for_step", "timeout", "slug", "created_at", "uid")

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("environments")

    @admin.display(description="State")
    def state(self, obj: Adapter) -> str:
        return "on" if obj.enabled else "off"

    @admin.display(description="Allowed in")
    def allowed(self, obj: Adapter) -> str:
        return ", ".join(each.name for each in obj.environments.all())

    @admin.display(description="Time-out")
    def timeout(self, obj: Adapter) -> str:
        return f"{obj.timeout_s:,} s"

    def panel_context(self, request: HttpRequest, obj: Adapter) -> Mapping[str, Any]:
        rows = Step.objects.visible_to(actor_of(request)).filter(adapter=obj, attempt__gt=0)
        return {
            "adapter": obj,
            "command": shlex.join(obj.argv),
            "used": rows.select_related("deployment").order_by("-pk")[:MOST_SHOWN],
        }

    # --- Writes ---------------------------------------------------------------------------

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kw: Any
    ) -> Any:
        form: Any = super().get_form(request, obj, change, **kw)
        field = form.base_fields.get("environments")
        if field is not None:
            workspace = obj.workspace if obj is not None else workspace_of(request)
            rows = Environment.objects.visible_to(actor_of(request)).order_by("order", "slug")
            field.queryset = rows.of(workspace) if workspace is not None else rows
        return form

    def save_model(self, request: HttpRequest, obj: Adapter, form: Any, change: Any) -> None:
        if change:
            hold_consented(obj)
        super().save_model(request, obj, form, change)

    def service_save(
        self, request: HttpRequest, obj: Adapter, form: forms.ModelForm[Adapter], change: bool
    ) -> Adapter:
        assert isinstance(form, AdapterForm)
        data, actor = form.cleaned_data, actor_of(request)
        given: dict[str, Any] = {
            "title": data["title"],
            "environments": list(data["environments"]),
            "for_step": data["for_step"],
            "timeout_s": data["timeout_s"],
        }
        if change:
            hook = obj.kind == Adapter.Kind.HOOK
            what: dict[str, Any] = {"url": data["url"]} if hook else {"argv": form.parts()}
            return services.change_adapter(obj, actor=actor, **given, **what)
        made = services.add_adapter(
            _workspace(request), data["slug"], actor=actor, kind=data["kind"], argv=form.parts(),
            url=data["url"], **given,
        )  # fmt: skip
        request.new_secret = made  # type: ignore[attr-defined]
        return made.adapter

    def response_add(
        self, request: HttpRequest, obj: Adapter, post_url_continue: str | None = None
    ) -> HttpResponse:
        made: WithSecret = request.new_secret  # type: ignore[attr-defined]
        if not made.secret:
            return super().response_add(request, obj, post_url_continue)
        return self._secret(request, made)

    def _secret(self, request: HttpRequest, made: WithSecret) -> HttpResponse:
        """The answer to the form itself: a secret that is shown once stands in no address and in
        no message, and reloading the page does not bring it back."""
        context = {
            **self.admin_site.each_context(request),
            "title": f"Secret of {made.adapter.title}",
            "adapter": made.adapter,
            "secret": made.secret,
            "back": self.object_url(made.adapter),
        }
        response = TemplateResponse(request, "deployments/deck/secret.html", context)
        add_never_cache_headers(response)
        return response

    # --- Buttons --------------------------------------------------------------------------

    @button(
        label="Switch on",
        action="deployment.adapters",
        confirm="From then on a step may run it where it is allowed. What it does stands on its "
        "page: who switches it on has read it.",
        reason=True,
        when=lambda row: "It is on." if row.enabled else "",
        seen=lambda row: str(row.version),
    )
    def switch_on(self, request: HttpRequest, obj: Adapter, reason: str) -> str:
        services.switch_adapter(
            obj, actor=actor_of(request), on=True, reason=reason, version=_read(request)
        )
        return f"{obj.title} may be used."

    @button(
        label="Switch off",
        action="deployment.adapters",
        confirm="No step runs it any more. What runs already, runs on.",
        reason=True,
        quiet=True,
        when=lambda row: "" if row.enabled else "It is off.",
    )
    def switch_off(self, request: HttpRequest, obj: Adapter, reason: str) -> str:
        services.switch_adapter(obj, actor=actor_of(request), on=False, reason=reason)
        return f"{obj.title} is switched off."

    @button(
        label="New secret",
        action="deployment.adapters",
        confirm="The old one signs nothing from that moment. The new one is shown once.",
        reason=True,
        quiet=True,
        when=lambda row: "" if row.kind == "hook" else "A command has no secret.",
    )
    def rotate(self, request: HttpRequest, obj: Adapter, reason: str) -> HttpResponse:
        made = services.rotate_secret(obj, actor=actor_of(request), reason=reason)
        return self._secret(request, made)


def _read(request: HttpRequest) -> int:
    """The version whose command stood on the page."""
    version = seen_in(request)
    if not version.isdecimal():
        raise Invalid("Nobody looked at it.")
    return int(version)


def _workspace(request: HttpRequest) -> Workspace:
    known = list(getattr(request, "workspaces", []))
    found = workspace_of(request) or (known[0] if len(known) == 1 else None)
    if found is None:
        raise Invalid("Choose the workspace it is for.")
    return found
