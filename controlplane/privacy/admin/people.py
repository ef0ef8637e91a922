"""Privacy in the console: who waits for erasure, what people were told, what they agreed to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib import admin
from django.db.models import Count, Q
from django.http import HttpRequest

from controlplane.access.models import Membership
from controlplane.base.admin import ModelAdmin, button, question
from controlplane.base.admin.linking import list_url
from controlplane.base.web import actor_of, workspace_of
from controlplane.lib import clock
from controlplane.lib.errors import Invalid
from controlplane.privacy import numbers, services
from controlplane.privacy.models import Consent, DataRefresh, DeletionRequest, PrivacyPolicy
from controlplane.privacy.preview import places
from controlplane.privacy.services.holding import people_held, person_is_held

if TYPE_CHECKING:
    _PolicyForm = forms.ModelForm[PrivacyPolicy]
    _CopyForm = forms.ModelForm[DataRefresh]
else:
    _PolicyForm = _CopyForm = forms.ModelForm


BY_LAW = "A legal hold keeps what is held about them."


def _not_free(obj: DeletionRequest) -> str:
    return _not_waiting(obj) or (BY_LAW if person_is_held(obj.person_id) else "")


def _not_waiting(obj: DeletionRequest) -> str:
    return "" if obj.status == "waiting" else f"It is {obj.get_status_display().lower()}."


def _not_held(obj: DeletionRequest) -> str:
    return "" if obj.status == "held" else "Nothing holds it back."


def _closed(obj: DeletionRequest) -> str:
    return "" if obj.status in {"waiting", "held"} else "It is closed."


class PrivacyAdmin(ModelAdmin[Any]):
    """Each list leads to those beside it: the sidebar has one entry for all."""

    view_action = "privacy.view"
    list_panel_template = "privacy/list_beside.html"

    def list_panel_context(self, request: HttpRequest) -> Mapping[str, Any]:
        others = (DeletionRequest, PrivacyPolicy, Consent, DataRefresh)
        names = ("Erasure requests", "Privacy policy", "Consents", "Sanitised copies")
        return {
            "beside": [
                (name, list_url(model))
                for model, name in zip(others, names, strict=True)
                if model is not self.model
            ]
        }


@admin.register(DeletionRequest)
class DeletionRequestAdmin(PrivacyAdmin):
    list_name = "Erasure requests"
    about = "Who asked that their data goes, and by when it has gone."
    tabs = (
        ("Open", "standing=open"),
        ("Done", "status__exact=done"),
        ("All", "view=all"),
    )
    empty = "Nobody waits for erasure."
    empty_hint = (
        "People ask on their account's page on privacy. For somebody else the privacy officer "
        "asks: POST /api/v1/privacy/deletions."
    )
    list_display = ["whose", "status", "due_at", "not_before", "asked_at", "trouble"]
    phone_columns = ("status", "due_at")
    list_filter = (
        question("Standing", "standing", {"open": ("Open", lambda rows: rows.open())}),
        "status",
    )
    list_select_related = ["person"]
    head_state = "status"
    head_clocks = ("earliest", "due_at")
    facts = (
        *("status", "who_", "workspace", "asked_at", "asked_by", "reason", "not_before", "due_at"),
        *("held_for", "held_until", "finished_at", "tries", "last_error", "uid"),
    )
    labels: ClassVar[Mapping[str, str]] = {
        "whose": "Person", "who_": "Person", "due_at": "Due", "not_before": "Not before",
        "asked_at": "Asked", "trouble": "Held or failing", "last_error": "Last failure",
        "tries": "Failed tries", "held_until": "Looked at again",
    }  # fmt: skip
    panel_template = "privacy/panel_deletion.html"

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("person", "workspace")

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        found = super().get_changelist_instance(request)
        rows = [row for row in found.result_list if row.status in {"waiting", "held"}]
        held = people_held({row.person_id for row in rows})
        for row in rows:
            row.by_law = row.person_id in held
        return found

    def heading(self, obj: DeletionRequest) -> str:
        return f"Erasure of {obj.person.name or obj.person.email}"

    @admin.display(description="Person", ordering="person__name")
    def whose(self, obj: DeletionRequest) -> str:
        return obj.person.name or obj.person.email

    @admin.display(description="Person")
    def who_(self, obj: DeletionRequest) -> str:
        return f"{obj.person.name} {obj.person.email}".strip()

    @admin.display(description="Earliest")
    def earliest(self, obj: DeletionRequest) -> Any:
        return obj.not_before if obj.status == "waiting" else None

    @admin.display(description="Held or failing")
    def trouble(self, obj: DeletionRequest) -> str:
        if getattr(obj, "by_law", False):
            return BY_LAW
        return (obj.held_for or obj.last_error)[:160]

    def panel_context(self, request: HttpRequest, obj: DeletionRequest) -> Mapping[str, Any]:
        actor = actor_of(request)
        if obj.status == "done":
            held = [line for line in obj.report if line.get("held") or line.get("erased")]
            held.sort(key=lambda line: not line.get("erased"))
            return {
                "report": held, "bare": len(obj.report) - len(held), "when": obj.finished_at,
            }  # fmt: skip
        others = Membership.objects.current().filter(user=obj.person)
        seen = others.filter(workspace__in=actor.workspace_ids)
        return {
            "by_law": obj.status != "cancelled" and person_is_held(obj.person_id),
            "places": places(obj.person) if obj.status in {"waiting", "held"} else [],
            "spaces": list(seen.select_related("workspace")),
            "elsewhere": others.count() - seen.count(),
            "agents": list(obj.person.owned_agents.visible_to(actor)[:50]),
        }

    @button(label="Hold back", action="privacy.hold", reason=True, when=_not_waiting,
            confirm="What for? Whoever asked is told. It is looked at in 90 days.")  # fmt: skip
    def hold(self, request: HttpRequest, obj: DeletionRequest, reason: str) -> str:
        services.hold(obj, actor=actor_of(request), reason=reason)
        return "It is held back."

    @button(label="Release", action="privacy.hold", reason=True, when=_not_held)
    def release(self, request: HttpRequest, obj: DeletionRequest, reason: str) -> str:
        services.release(obj, actor=actor_of(request), reason=reason)
        return "It goes on as it was asked for."

    @button(label="Withdraw", action="privacy.ask", reason=True, quiet=True, when=_closed)
    def withdraw(self, request: HttpRequest, obj: DeletionRequest, reason: str) -> str:
        services.withdraw(obj, actor=actor_of(request), reason=reason)
        return "It is withdrawn."

    @button(label="Erase now", action="privacy.erase", reason=True, quiet=True, typed=True,
            when=_not_free, confirm="It can't be undone: the account closes and names nobody"
            " any more. What goes, and what is kept and why, stands on its page.")  # fmt: skip
    def erase_now(self, request: HttpRequest, obj: DeletionRequest, reason: str) -> str:
        services.erase(obj, actor=actor_of(request), reason=reason)
        return "It is done. What went, and what is kept, stands below."


class PolicyForm(_PolicyForm):
    class Meta:
        model = PrivacyPolicy
        fields = ("text", "changes", "asks_consent")
        widgets: ClassVar[Mapping[str, Any]] = {"text": forms.Textarea(attrs={"rows": 24})}
        help_texts: ClassVar[Mapping[str, str]] = {
            "text": "Markdown. Published is published: later words are a later version.",
            "changes": "What is new, in a sentence or two. It stands in the message to everybody.",
            "asks_consent": "Everybody is asked on their account's page.",
        }


@admin.register(PrivacyPolicy)
class PrivacyPolicyAdmin(PrivacyAdmin):
    list_name = "Privacy policy"
    add_action = "privacy.publish"
    about = "What people are told about their data, version by version, and who agreed."
    empty = "No privacy policy is published."
    empty_hint = "Publish the first: everybody is told, and asked."
    list_display = ["named", "agreed", "declined", "published_at", "changes"]
    phone_columns = ("agreed",)
    form = PolicyForm
    add_fields = ("text", "changes", "asks_consent")
    facts = ("version", "workspace", "published_at", "published_by", "asks_consent", "changes")
    labels: ClassVar[Mapping[str, str]] = {
        "asks_consent": "Asks for consent", "published_at": "Published", "agreed": "Agree",
        "declined": "Do not agree",
    }  # fmt: skip
    panel_template = "privacy/panel_policy.html"

    def get_queryset(self, request: HttpRequest) -> Any:
        rows = super().get_queryset(request).select_related("workspace")
        now = Q(consents__replaced_at=None)
        yes, no = now & Q(consents__answer="given"), now & ~Q(consents__answer="given")
        return rows.annotate(yes=Count("consents", filter=yes), no=Count("consents", filter=no))

    @admin.display(description="Version", ordering="version")
    def named(self, obj: PrivacyPolicy) -> str:
        return f"Version {obj.version}"

    @admin.display(description="Agree")
    def agreed(self, obj: PrivacyPolicy) -> int | None:
        return getattr(obj, "yes", 0) if obj.asks_consent else None

    @admin.display(description="Do not agree")
    def declined(self, obj: PrivacyPolicy) -> int | None:
        return getattr(obj, "no", 0) if obj.asks_consent else None

    def panel_context(self, request: HttpRequest, obj: PrivacyPolicy) -> Mapping[str, Any]:
        members = Membership.objects.current().filter(workspace=obj.workspace)
        members = members.filter(user__is_active=True)
        said = Consent.objects.filter(policy=obj, replaced_at=None)
        silent = members.exclude(user__in=said.values("user")).select_related("user")
        return {
            "silent": list(silent.order_by("user__name")[:50]) if obj.asks_consent else [],
            "members": members.count(),
            "said": list(said.select_related("user").order_by("-said_at")[:50]),
        }

    def service_save(
        self, request: HttpRequest, obj: PrivacyPolicy, form: forms.ModelForm[PrivacyPolicy],
        change: bool,
    ) -> PrivacyPolicy:  # fmt: skip
        where = workspace_of(request)
        if where is None:
            raise Invalid("Choose the workspace it is for.")
        given = {name: form.cleaned_data[name] for name in self.add_fields}
        return services.publish_policy(where, actor=actor_of(request), **given)


@admin.register(DataRefresh)
class DataRefreshAdmin(PrivacyAdmin):
    list_name = "Sanitised copies"
    add_action = "privacy.copy"
    about = "Copies of production for testing, without people in them, and who vouches for that."
    empty = "No sanitised copy was made or reported."
    empty_hint = "manage.py sanitised_copy FILE makes one of the portal; others are reported here."
    list_display = ["named", "target", "fresh", "taken_at", "sanitised_by", "size"]
    phone_columns = ("fresh",)
    add_fields = ("system", "target", "taken_at", "rules", "sha256")
    facts = (
        *("system", "target", "taken_at", "rules", "sanitised_by", "sha256", "size"),
        *("workspace", "created_at"),
    )
    labels: ClassVar[Mapping[str, str]] = {
        "taken_at": "Taken", "sanitised_by": "Who vouches", "rules": "How people were taken out",
        "named": "Of", "fresh": "State",
    }  # fmt: skip
    panel_template = "privacy/panel_copy.html"

    @admin.display(description="Of", ordering="system")
    def named(self, obj: DataRefresh) -> str:
        return obj.system

    @admin.display(description="State")
    def fresh(self, obj: DataRefresh) -> str:
        days = (clock.now() - obj.taken_at).total_seconds() / 86_400
        return "fresh" if days <= numbers.COPY_DAYS.value else "old"

    def panel_context(self, request: HttpRequest, obj: DataRefresh) -> Mapping[str, Any]:
        tables = obj.proof.get("tables", {})
        return {"tables": sorted(tables.items()), "emptied": obj.proof.get("emptied", [])}

    def service_save(
        self, request: HttpRequest, obj: DataRefresh, form: forms.ModelForm[DataRefresh],
        change: bool,
    ) -> DataRefresh:  # fmt: skip
        where = workspace_of(request)
        if where is None:
            raise Invalid("Choose the workspace it is for.")
        given = {name: form.cleaned_data[name] for name in self.add_fields}
        return services.report_copy(where, actor=actor_of(request), **given)


@admin.register(Consent)
class ConsentAdmin(PrivacyAdmin):
    list_name = "Consents"
    about = "Who agreed to which version of the privacy policy, when, by which door."
    tabs = (("Agreed", "answer__exact=given"), ("Withdrawn", "answer__exact=withdrawn"),
            ("All", "view=all"))  # fmt: skip
    empty = "Nobody was asked yet."
    empty_hint = "Publish a privacy policy: everybody is told, and asked."
    list_display = ["whose", "answer", "version", "said_at", "door"]
    phone_columns = ("answer",)
    list_filter = ["answer", "door"]
    list_select_related = ["user", "policy"]
    head_state = "answer"
    facts = ("answer", "version", "said_at", "replaced_at", "door", "evidence", "uid")
    labels: ClassVar[Mapping[str, str]] = {
        "whose": "Person", "said_at": "Said", "door": "How", "replaced_at": "Said otherwise",
    }  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("user", "policy__workspace")

    def heading(self, obj: Consent) -> str:
        return f"{obj.user.name or obj.user.email} on version {obj.policy.version}"

    @admin.display(description="Person", ordering="user__name")
    def whose(self, obj: Consent) -> str:
        return obj.user.name or obj.user.email

    @admin.display(description="Version", ordering="policy__version")
    def version(self, obj: Consent) -> int:
        return obj.policy.version
