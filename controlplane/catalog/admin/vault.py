"""Secrets and their age."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from controlplane.base.admin import button, question
from controlplane.base.web import actor_of
from controlplane.catalog import services
from controlplane.catalog.admin.common import OwnedAdmin, here, role_name
from controlplane.catalog.models import VaultSecret
from controlplane.catalog.models.vault import SOON
from controlplane.catalog.services.vault import FIELDS
from controlplane.lib import clock

Standing = question(
    "Age",
    "age",
    {
        "due": ("Due", lambda rows: rows.due()),
        "soon": ("Due, or soon", lambda rows: rows.due(within=SOON.value)),
        "unknown": ("Nobody knows", lambda rows: rows.kept().filter(rotated_on=None)),
    },
)


def _kept(secret: VaultSecret) -> str:
    return "" if secret.is_active else "It is retired."


def _retired(secret: VaultSecret) -> str:
    return "It is not retired." if secret.is_active else ""


@admin.register(VaultSecret)
class VaultSecretAdmin(OwnedAdmin[VaultSecret]):
    list_name = "Secrets"
    view_action = "vault.view"
    add_action = "vault.manage"
    change_action = "vault.manage"
    about = "What each secret opens, where it lies and when it was changed. Never its value."
    tabs = (
        ("Kept", "is_active__exact=1"),
        ("Due, or soon", "age=soon"),
        ("Retired", "is_active__exact=0"),
        ("All", "view=all"),
    )
    empty = "No secret is noted."
    empty_hint = "Note each that lies in a vault: its owner is reminded before it is too old."
    list_display = ["name", "state", "due_on", "owner", "purpose", "kept_in", "rotated_on"]
    phone_columns = ("state", "due_on")
    list_filter = ["is_active", Standing]
    search_fields = ["name", "purpose", "kept_in"]
    in_palette = True
    add_fields = (*FIELDS, "rotated_on")
    edit_fields = FIELDS
    head_state = "state"
    head_owner = "owner"
    facts = (
        "purpose", "kept_in", "owner", "rotate_days", "rotated_on", "due_on", "created_at",
        "version",
    )  # fmt: skip
    labels = {
        "kept_in": "Lies in", "owner_role": "Owner", "rotate_days": "Changed every (days)",
        "rotated_on": "Changed on", "due_on": "Due on",
    }  # fmt: skip

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name == "owner_role":
            field.required, field.label = True, "Owner"
            field.choices = [("", "Choose a role"), *field.choices[1:]]
        elif db_field.name == "rotated_on":
            field.help_text = "Empty where nobody knows: then it is due at once."
            field.widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
        elif db_field.name == "kept_in":
            field.help_text = "The vault and the path there."
        return field

    @admin.display(description="State")
    def state(self, secret: VaultSecret) -> str:
        return secret.state(clock.now().date())

    @admin.display(description="Owner", ordering="owner_role")
    def owner(self, secret: VaultSecret) -> str:
        return role_name(secret.owner_role)

    def service_save(
        self,
        request: HttpRequest,
        obj: VaultSecret,
        form: forms.ModelForm[VaultSecret],
        change: bool,
    ) -> VaultSecret:
        actor, data = actor_of(request), form.cleaned_data
        if change:
            return services.change_secret(obj, actor=actor, version=obj.version, **data)
        return services.note_secret(here(request), actor=actor, **data)

    @button(label="Changed today", action="vault.rotate", reason=True, when=_kept,
            confirm="The old value no longer opens anything.")  # fmt: skip
    def rotated(self, request: HttpRequest, secret: VaultSecret, reason: str) -> str:
        row = services.rotate_secret(secret, actor=actor_of(request), note=reason)
        return f"Noted. It is due again on {row.due_on}."

    @button(quiet=True, label="Retire", action="vault.manage", reason=True, when=_kept)
    def retire(self, request: HttpRequest, secret: VaultSecret, reason: str) -> str:
        services.switch_secret(secret, actor=actor_of(request), active=False, reason=reason)
        return "Retired."

    @button(label="Take back", action="vault.manage", when=_retired)
    def take_back(self, request: HttpRequest, secret: VaultSecret, reason: str) -> str:
        services.switch_secret(secret, actor=actor_of(request), active=True)
        return "It counts again."
