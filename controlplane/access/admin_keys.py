"""Agents, keys, revoked tokens and trusted issuers in the console's lists."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from controlplane.access.forms_machines import agent_roles
from controlplane.access.models import Agent, ApiKey, RevokedToken, TrustedIssuer
from controlplane.access.services import agents, issuers, keys
from controlplane.access.services.locks import lock_account
from controlplane.access.step_up import has_recent_factor
from controlplane.base.admin import ModelAdmin, button
from controlplane.base.web import actor_of, workspace_of
from controlplane.lib import clock
from controlplane.lib.errors import Invalid


def _active(row: Agent | TrustedIssuer) -> str:
    return "" if row.is_active else "It is switched off already."


def _inactive(row: Agent | TrustedIssuer) -> str:
    return "It is active already." if row.is_active else ""


def _living(key: ApiKey) -> str:
    ended = key.revoked_at is not None or key.expires_at <= clock.now()
    return "This key has ended." if ended else ""


def _want_fresh_factor(request: HttpRequest) -> None:
    """The service would refuse; said beside the form, with the way out, what was typed stays."""
    if not has_recent_factor(actor_of(request)):
        raise Invalid(f"Confirm with a fresh code at {reverse('access:confirm')}, then send again.")


class AgentAdminForm(forms.ModelForm):  # type: ignore[type-arg]
    role = forms.ChoiceField(
        required=False,
        choices=lambda: [("", "none: a service account, by scopes only"), *agent_roles()],
    )

    class Meta:
        model = Agent
        fields = ["name", "kind", "role", "description", "owner"]


@admin.register(Agent)
class AgentAdmin(ModelAdmin[Agent]):
    view_action = "agent.view"
    labels = {"is_active": "Active", "created_at": "Made"}
    about = "Machines that work here, each with an owner among the people."
    tabs = (("Active", "is_active__exact=1"), ("Off", "is_active__exact=0"), ("All", "view=all"))
    empty = "No agent of this kind."
    empty_hint = "Create one, then make its key: the secret is shown once."
    add_action = "agent.manage"
    change_action = "agent.manage"
    form = AgentAdminForm
    add_fields = ("name", "kind", "role", "description", "owner")
    edit_fields = ("name", "role", "description", "owner")
    head_clocks = ("last_seen_at",)
    fields = (
        "state",
        "name",
        "kind",
        "role",
        "description",
        "owner",
        "created_at",
        "last_seen_at",
        "uid",
    )
    list_display = ("name", "kind", "role", "owner", "is_active", "last_seen_at")
    list_filter = ("workspace", "kind", "is_active")
    list_select_related = ("owner", "workspace")
    search_fields = ("name", "role", "description")

    @admin.display(description="State")
    def state(self, obj: Agent) -> str:
        return "active" if obj.is_active else "deactivated"

    def service_save(
        self, request: HttpRequest, obj: Agent, form: forms.ModelForm[Agent], change: bool
    ) -> Agent:
        data = form.cleaned_data
        if change:
            wanted = {name: data[name] for name in self.edit_fields if name in data}
            return agents.change_agent(obj, actor=actor_of(request), **wanted)
        workspace = workspace_of(request)
        if workspace is None:
            raise Invalid("Choose a workspace first.")
        return agents.create_agent(workspace, actor=actor_of(request), **data)

    @button(label="Lock", action="member.lock", reason=True, quiet=True)
    def lock(self, request: HttpRequest, obj: Agent, reason: str) -> str:
        lock_account(obj, actor=actor_of(request), reason=reason)
        return "Its keys and tokens are refused until somebody unlocks it."

    @button(label="Deactivate", action="agent.manage", reason=True, when=_active, quiet=True)
    def deactivate(self, request: HttpRequest, obj: Agent, reason: str) -> str:
        agents.deactivate_agent(obj, actor=actor_of(request), reason=reason)
        return "Deactivated. No key or token of it works."

    @button(label="Reactivate", action="agent.manage", reason=True, when=_inactive)
    def reactivate(self, request: HttpRequest, obj: Agent, reason: str) -> str:
        agents.reactivate_agent(obj, actor=actor_of(request), reason=reason)
        return "Active again."

    @button(label="End all its tokens", action="agent.manage", reason=True, quiet=True)
    def end_tokens(self, request: HttpRequest, obj: Agent, reason: str) -> str:
        agents.end_tokens(obj, actor=actor_of(request), reason=reason)
        return "Its tokens have ended. Its keys work on."


@admin.register(ApiKey)
class ApiKeyAdmin(ModelAdmin[ApiKey]):
    """Keys are made on the agent's page, where the secret is shown."""

    view_action = "key.view"
    labels = {
        "prefix": "Begins with",
        "agent": "Held by agent",
        "user": "Held by",
        "not_before": "Works from",
        "rotated_from": "Takes the place of",
        "created_at": "Made",
        "created_by": "Made by",
    }
    about = "Secrets of agents and people. Only what they begin with is kept readable."
    tabs = (
        ("Not revoked", "revoked_at__isempty=1"),
        ("Revoked", "revoked_at__isempty=0"),
        ("All", "view=all"),
    )
    empty = "No key of this kind."
    empty_hint = "Keys are made on an agent's page, or under My keys; the secret is shown once."
    keyed = True
    head_clocks = ("expires_at",)
    fields = (
        "state",
        "uid",
        "name",
        "prefix",
        "agent",
        "user",
        "scopes",
        "created_at",
        "created_by",
        "not_before",
        "expires_at",
        "last_used_at",
        "last_used_from",
        "revoked_at",
        "revoked_by",
        "rotated_from",
    )
    list_display = ("name", "prefix", "holder", "expires_at", "last_used_at", "revoked_at")
    list_filter = ("workspace", ("revoked_at", admin.EmptyFieldListFilter))
    list_select_related = ("agent", "user", "workspace")
    search_fields = ("name", "prefix")

    @admin.display(description="State")
    def state(self, obj: ApiKey) -> str:
        if obj.revoked_at is not None:
            return "revoked"
        return "expired" if obj.expires_at <= clock.now() else "active"

    @admin.display(description="held by")
    def holder(self, obj: ApiKey) -> str:
        return str(obj.agent or obj.user)

    @button(
        label="Rotate",
        action="key.manage",
        when=lambda key: _living(key) or ("" if key.agent_id else "Its owner rotates it."),
    )
    def rotate(self, request: HttpRequest, obj: ApiKey, reason: str) -> HttpResponse:
        """Led to its page, which asks for a fresh code and shows the new key."""
        url = reverse("access:key_rotate", args=[obj.uid])
        return HttpResponseRedirect(f"{url}?workspace={obj.workspace.slug}")

    @button(label="Revoke", action="key.manage", reason=True, when=_living, quiet=True)
    def revoke(self, request: HttpRequest, obj: ApiKey, reason: str) -> str:
        keys.revoke_key(obj, actor=actor_of(request), reason=reason)
        return "Revoked, with its tokens."


class IssuerAdminForm(forms.ModelForm):  # type: ignore[type-arg]
    role = forms.ChoiceField(choices=agent_roles, help_text="The most its tokens may claim.")

    class Meta:
        model = TrustedIssuer
        fields = ["issuer", "jwks_url", "audience", "role"]
        field_classes = {"issuer": forms.CharField, "jwks_url": forms.CharField}


@admin.register(TrustedIssuer)
class TrustedIssuerAdmin(ModelAdmin[TrustedIssuer]):
    view_action = "key.view"
    labels = {
        "is_active": "Trusted",
        "fetched_at": "Keys fetched",
        "tried_at": "Last tried",
        "role": "Acts as",
        "created_at": "Trusted since",
    }
    about = "Who else may sign tokens for agents here, and up to which role."
    tabs = (
        ("Trusted", "is_active__exact=1"),
        ("Distrusted", "is_active__exact=0"),
        ("All", "view=all"),
    )
    empty = "No issuer of this kind."
    empty_hint = "Trust one, and tokens of its CI work here without a stored key."
    add_action = "key.trust_issuer"
    change_action = "key.trust_issuer"
    form = IssuerAdminForm
    add_fields = ("issuer", "jwks_url", "audience", "role")
    edit_fields = ("jwks_url", "role")
    fields = (
        "state",
        "issuer",
        "jwks_url",
        "audience",
        "role",
        "keys_known",
        "fetched_at",
        "tried_at",
        "last_error",
        "created_at",
    )
    list_display = ("issuer", "audience", "role", "is_active", "fetched_at", "last_error")
    list_filter = ("workspace", "is_active")
    list_select_related = ("workspace",)
    search_fields = ("issuer", "audience")

    @admin.display(description="State")
    def state(self, obj: TrustedIssuer) -> str:
        return "trusted" if obj.is_active else "distrusted"

    @admin.display(description="Keys known")
    def keys_known(self, obj: TrustedIssuer) -> int:
        return len((obj.jwks or {}).get("keys", []))

    def service_save(
        self,
        request: HttpRequest,
        obj: TrustedIssuer,
        form: forms.ModelForm[TrustedIssuer],
        change: bool,
    ) -> TrustedIssuer:
        data: dict[str, Any] = form.cleaned_data
        _want_fresh_factor(request)
        if change:
            wanted = {name: data[name] for name in self.edit_fields if name in data}
            return issuers.change_issuer(obj, actor=actor_of(request), **wanted)
        workspace = workspace_of(request)
        if workspace is None:
            raise Invalid("Choose a workspace first.")
        return issuers.trust_issuer(workspace, actor=actor_of(request), **data)

    @button(label="Fetch its keys now", action="key.trust_issuer", when=_active)
    def fetch(self, request: HttpRequest, obj: TrustedIssuer, reason: str) -> str:
        found = issuers.fetch_keys_now(obj, actor=actor_of(request))
        return f"{len(found.jwks.get('keys', []))} keys."

    @button(label="Distrust", action="key.trust_issuer", reason=True, when=_active, quiet=True)
    def distrust(self, request: HttpRequest, obj: TrustedIssuer, reason: str) -> str:
        issuers.distrust_issuer(obj, actor=actor_of(request), reason=reason)
        return "Its tokens are refused from now on."

    @button(label="Trust again", action="key.trust_issuer", reason=True, when=_inactive)
    def trust(self, request: HttpRequest, obj: TrustedIssuer, reason: str) -> str:
        _want_fresh_factor(request)
        issuers.trust_issuer_again(obj, actor=actor_of(request), reason=reason)
        return "Its tokens are accepted again."


@admin.register(RevokedToken)
class RevokedTokenAdmin(ModelAdmin[RevokedToken]):
    view_action = "key.view"
    about = "Tokens ended before their time, until they would have ended by themselves."
    empty = "No token has been revoked."
    empty_hint = "POST /api/v1/token/revoke ends one; ending an agent's tokens ends them all."
    list_display = ("jti", "revoked_at", "revoked_by", "expires_at", "reason")
    facts = ("workspace", "revoked_by", "revoked_at", "expires_at", "reason", "jti")
    list_filter = ("workspace",)
    list_select_related = ("workspace",)
    search_fields = ("jti",)
