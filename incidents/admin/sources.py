"""Sources of alerts: where each is sent to, what it sent last, what was refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.cache import add_never_cache_headers

from controlplane.base.admin import ModelAdmin, button, question
from controlplane.base.web import actor_of
from controlplane.catalog.models import Environment, Service
from incidents.admin.common import WordsField, chosen
from incidents.intake import addresses, sources
from incidents.intake.sources import Keyed
from incidents.models import AlertSource, InboundEvent
from telemetry.admin.rule_forms import LinesField

KEEP = "alert.source"
_FIELDS = (
    "about", "severity", "service", "environment", "labels", "group_by", "mapping", "operates",
    "per_minute",
)  # fmt: skip
_HELP = {
    "severity": "Of an alert that names none.",
    "labels": "Given to every alert that lacks them, a line each: env: production.",
    "group_by": "Labels that say what belongs together, with commas; empty: name and service.",
    "mapping": "For JSON of any form, a line each: title: $.alert.name. Empty: the usual names.",
    "operates": "Its key also looks at alerts and silences them: for amtool and the like.",
    "per_minute": "Empty: as many as come. What is above is refused, and senders may lose it.",
    "secret": "Each body is signed with it. Empty keeps what is kept.",
}


def _portal(row: AlertSource) -> str:
    return "The portal sends itself." if row.format == AlertSource.Format.PORTAL else ""


def _on(row: AlertSource) -> str:
    return _portal(row) or ("" if row.is_active else "It is off.")


def _off(row: AlertSource) -> str:
    return _portal(row) or ("It is on." if row.is_active else "")


@admin.register(AlertSource)
class AlertSourceAdmin(ModelAdmin[AlertSource]):
    view_action = "alert.view"
    add_action = KEEP
    change_action = KEEP
    about = "Who sends alerts, each with a key of its own and answered in the form it speaks."
    tabs = (("In use", "is_active__exact=1"), ("Refused something", "faring=refused"),
            ("Switched off", "is_active__exact=0"), ("All", "view=all"))  # fmt: skip
    empty = "Nothing sends alerts yet."
    empty_hint = "Add one for your Alertmanager, or POST /api/v1/alert-sources."
    list_display = ("name", "state", "format", "last_at", "calls", "refused")
    phone_columns = ("state", "last_at")
    list_filter = (
        "format", "is_active",
        question("Faring", "faring", {
            "refused": ("Refused something", lambda rows: rows.filter(refused__gt=0)),
            "silent": ("Never called", lambda rows: rows.filter(last_at=None)),
        }),
    )  # fmt: skip
    search_fields = ("name",)
    in_palette = True
    change_form_template = "incidents/form.html"
    panel_template = "incidents/panel_source.html"
    head_state = "state"
    head_clocks = ("last_at",)
    facts = (
        "state", "format", "key", "usual", "service", "environment", "given", "together",
        "operates", "signs", "limit", "calls", "refused", "last_at", "created_at", "version",
    )  # fmt: skip
    labels = {
        "last_at": "Last called", "calls": "Calls", "refused": "Refused",
        "group_by": "Grouped by", "labels": "Labels", "operates": "Looks and silences, too",
        "per_minute": "At most a minute", "severity": "Usual severity",
    }  # fmt: skip
    add_fields = ("name", "format", *_FIELDS)
    edit_fields = ("name", *_FIELDS)
    fields = ("name", *_FIELDS)

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("service", "environment")

    @admin.display(description="Usual severity")
    def usual(self, row: AlertSource) -> str:
        """A word among the facts: as a mark in the head it would say that something fires."""
        return row.get_severity_display()

    @admin.display(description="State")
    def state(self, row: AlertSource) -> str:
        return "on" if row.is_active else "off"

    @admin.display(description="Key")
    def key(self, row: AlertSource) -> str:
        return f"ends with {row.key_tail}" if row.key_tail else "none"

    @admin.display(description="Labels it gives")
    def given(self, row: AlertSource) -> str:
        return ", ".join(f"{name}={value}" for name, value in sorted(row.labels.items())) or "none"

    @admin.display(description="Belongs together by")
    def together(self, row: AlertSource) -> str:
        return ", ".join(row.group_by) or "the rule, else name and service"

    @admin.display(description="Signed")
    def signs(self, row: AlertSource) -> str:
        return "each body" if row.secret_sealed else "no"

    @admin.display(description="At most")
    def limit(self, row: AlertSource) -> str:
        return f"{row.per_minute:,} a minute" if row.per_minute else "as many as come"

    def panel_context(self, request: HttpRequest, obj: AlertSource) -> Mapping[str, Any]:
        rows = InboundEvent.objects.filter(source=obj).defer("body").order_by("-pk")[:15]
        alerts = reverse("admin:incidents_alert_changelist")
        return {
            "addresses": addresses.of(obj, request.build_absolute_uri("/").rstrip("/")),
            "try_url": "" if obj.format == "portal" else reverse("incidents:try", args=(obj.uid,)),
            "may_keep": self.permits(request, KEEP, obj),
            "alerts_url": f"{alerts}?source__id__exact={obj.pk}",
            "message_columns": (("at", "Received", "when"), ("state", "State", "state"),
                                ("what", "What became of it"), ("size", "Bytes", "number")),
            "message_rows": [
                {"at": row.created_at, "state": row.get_state_display(), "what": told(row),
                 "size": row.size,
                 "_url": reverse("admin:incidents_inboundevent_change", args=(row.uid,))}
                for row in rows
            ],
        }  # fmt: skip

    # --- Writes ---------------------------------------------------------------------------------

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **given: Any) -> Any:
        name, help_text = db_field.name, _HELP.get(db_field.name, "")
        if name in {"labels", "mapping"}:
            return LinesField(many=False, help_text=help_text)
        if name == "group_by":
            return WordsField(help_text=help_text)
        found = super().formfield_for_dbfield(db_field, request, **given)
        if name == "format" and found is not None:
            found.choices = [each for each in found.choices if each[0] != "portal"]
        if name in {"service", "environment"} and found is not None:
            kind: Any = Service if name == "service" else Environment
            rows = kind.objects.visible_to(actor_of(request))
            found.queryset = rows.filter(workspace=chosen(request))
        if found is not None and help_text:
            found.help_text = help_text
        return found

    def get_form(self, request: HttpRequest, *args: Any, **given: Any) -> Any:
        form: Any = super().get_form(request, *args, **given)
        secret = forms.CharField(
            required=False, max_length=200, label="Signing secret", help_text=_HELP["secret"],
            widget=forms.PasswordInput(
                render_value=False, attrs={"autocomplete": "new-password"}
            ),
        )  # fmt: skip
        secret.label_suffix = ""
        form.base_fields["secret"] = secret
        return form

    def service_save(
        self, request: HttpRequest, obj: AlertSource, form: forms.ModelForm[AlertSource],
        change: bool,
    ) -> AlertSource:  # fmt: skip
        data = dict(form.cleaned_data)
        if not data.get("secret"):
            data.pop("secret", None)
        actor = actor_of(request)
        if change:
            return sources.change_source(obj, actor=actor, **data)
        made = sources.create_source(chosen(request), actor=actor, **data)
        request.new_key = made  # type: ignore[attr-defined]
        return made.source

    def response_add(
        self, request: HttpRequest, obj: AlertSource, post_url_continue: str | None = None
    ) -> HttpResponse:
        return self._key(request, request.new_key)  # type: ignore[attr-defined]

    def _key(self, request: HttpRequest, made: Keyed) -> HttpResponse:
        """The answer to the form itself: a key that is shown once stands in no address that
        anybody keeps, and reloading the page does not bring it back."""
        here = request.build_absolute_uri("/").rstrip("/")
        context = {
            **self.admin_site.each_context(request),
            "title": f"Key of {made.source.name}",
            "source": made.source,
            "key": made.key,
            "addresses": addresses.of(made.source, here, made.key),
            "back": self.object_url(made.source),
        }
        response = TemplateResponse(request, "incidents/source_key.html", context)
        add_never_cache_headers(response)
        return response

    # --- Buttons --------------------------------------------------------------------------------

    @button(label="Try a message", action=KEEP, when=_portal)
    def attempt(self, request: HttpRequest, obj: AlertSource, reason: str) -> HttpResponse:
        return HttpResponseRedirect(reverse("incidents:try", args=(obj.uid,)))

    @button(
        quiet=True, label="New key", action=KEEP, reason=True, when=_portal,
        confirm="The old key opens nothing from that moment: its sender needs the new one at "
        "once. The new one is shown once.",
    )  # fmt: skip
    def renew(self, request: HttpRequest, obj: AlertSource, reason: str) -> HttpResponse:
        return self._key(request, sources.renew_key(obj, actor=actor_of(request), reason=reason))

    @button(
        quiet=True, label="Switch off", action=KEEP, reason=True, when=_on,
        confirm="What it sends is refused from then on, and its alerts are lost.",
    )  # fmt: skip
    def switch_off(self, request: HttpRequest, obj: AlertSource, reason: str) -> str:
        sources.switch_source(obj, actor=actor_of(request), on=False, reason=reason)
        return "Off. What it sends is refused."

    @button(label="Switch on", action=KEEP, reason=True, when=_off)
    def switch_on(self, request: HttpRequest, obj: AlertSource, reason: str) -> str:
        sources.switch_source(obj, actor=actor_of(request), on=True, reason=reason)
        return "On. Its key opens the door again."


def told(row: InboundEvent) -> str:
    """What became of a message, in a few words."""
    counts = row.counts
    if not counts:
        return row.last_error or "not yet"
    names = (("new", "new"), ("repeated", "said again"), ("resolved", "over"),
             ("held_back", "held back"), ("refused", "refused"))  # fmt: skip
    found = ", ".join(f"{counts[name]:,} {words}" for name, words in names if counts.get(name))
    return found or "nothing new"
