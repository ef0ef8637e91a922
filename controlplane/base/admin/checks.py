"""Conventions of admin classes, checked at start: a class that forgets one does not come up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.admin.checks import ModelAdminChecks
from django.contrib.admin.filters import FieldListFilter, ListFilter
from django.core.checks import CheckMessage, Error
from django.core.exceptions import FieldDoesNotExist
from django.db import models

from controlplane.access import policy
from controlplane.base.admin.buttons import buttons_of

if TYPE_CHECKING:
    from django.contrib.admin.options import BaseModelAdmin

# Where the refusing hooks stand: a hook still from there is not written.
BASE = "controlplane.base.admin.model_admin"
PLACES = ("detail", "list", "selection")
KINDS = ("view", "add", "change", "delete")


class PortalAdminChecks(ModelAdminChecks):
    def check(self, admin_obj: BaseModelAdmin[Any], **kwargs: Any) -> list[CheckMessage]:
        return [
            *super().check(admin_obj, **kwargs),
            *self._actions(admin_obj),
            *self._scope(admin_obj),
            *self._filters(admin_obj),
            *self._hooks(admin_obj),
        ]

    def _actions(self, admin_obj: Any) -> list[CheckMessage]:
        cls = type(admin_obj)
        if not getattr(cls, "view_action", None):
            return [Error("view_action is not declared.", obj=cls, id="portal.E001")]
        named = [getattr(cls, f"{kind}_action") for kind in KINDS]
        named += [entry.action for place in PLACES for entry in buttons_of(cls, place)]  # type: ignore[arg-type]
        return [
            Error(f"{name!r} is no action of the policy.", obj=cls, id="portal.E002")
            for name in named
            if name is not None and name not in policy.ACTIONS
        ]

    def _scope(self, admin_obj: Any) -> list[CheckMessage]:
        rows = admin_obj.model._default_manager.all()
        if hasattr(rows, "visible_to"):
            return []
        hint = "Give its QuerySet visible_to(actor) and use it as the default manager."
        return [
            Error(
                f"{admin_obj.model.__name__} has no visible_to(actor).",
                hint=hint,
                obj=type(admin_obj),
                id="portal.E003",
            )
        ]

    def _filters(self, admin_obj: Any) -> list[CheckMessage]:
        """A filter on a free text column runs SELECT DISTINCT over the table on every page."""
        return [
            Error(
                f"list_filter on {item!r}: a column without choices reads the whole table.",
                hint="Give the field choices, or write a SimpleListFilter.",
                obj=type(admin_obj),
                id="portal.E004",
            )
            for item in admin_obj.list_filter or ()
            if self._reads_all(admin_obj.model, item)
        ]

    def _reads_all(self, model: type[models.Model], item: Any) -> bool:
        if isinstance(item, type) and issubclass(item, ListFilter):
            return issubclass(item, FieldListFilter)
        name = item[0] if isinstance(item, tuple | list) else item
        try:
            field = model._meta.get_field(str(name))
        except FieldDoesNotExist:
            return "__" in str(name)
        cheap = (models.BooleanField, models.DateField)
        return not (
            isinstance(field, cheap) or field.is_relation or getattr(field, "choices", None)
        )

    def _hooks(self, admin_obj: Any) -> list[CheckMessage]:
        cls = type(admin_obj)
        wanted = [
            ("add_action", "service_save"),
            ("change_action", "service_save"),
            ("delete_action", "service_delete"),
        ]
        return [
            Error(f"{attribute} needs {hook}().", obj=cls, id="portal.E005")
            for attribute, hook in wanted
            if getattr(cls, attribute, None) is not None and getattr(cls, hook).__module__ == BASE
        ]
