"""What the catalog's pages share."""

from __future__ import annotations

from typing import Any, TypeVar

from django import forms
from django.db import models
from django.http import HttpRequest

from controlplane.access import policy
from controlplane.access.models import Workspace
from controlplane.base.admin import ModelAdmin
from controlplane.base.web import workspace_of
from controlplane.lib.errors import Invalid

M = TypeVar("M", bound=models.Model)


def here(request: HttpRequest) -> Workspace:
    workspace = workspace_of(request)
    if workspace is None:
        raise Invalid("Choose a workspace first.")
    return workspace


def is_on(row: Any) -> str:
    return "" if row.is_active else "It is off."


def is_off(row: Any) -> str:
    return "It is on." if row.is_active else ""


def role_name(slug: str) -> str:
    return policy.ROLES[slug][0] if slug in policy.ROLES else slug


class OwnedAdmin(ModelAdmin[M]):
    """Rows that a role looks after: chosen from the roles there are."""

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name != "owner_role":
            return super().formfield_for_dbfield(db_field, request, **kwargs)
        roles = sorted((policy.ROLES[slug][0], slug) for slug in policy.PEOPLE)
        choices = [("", "Nobody"), *((slug, name) for name, slug in roles)]
        return forms.ChoiceField(choices=choices, required=False, label="Owner role")
