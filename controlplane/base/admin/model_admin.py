"""The one `ModelAdmin`: scoped, permitted by policy, read-only until a service is named.

Stock Django admin trusts whoever gets in, shows every row, writes through `save()` and keeps its
own log. Here every question goes to `policy.can`, every row comes through `visible_to(actor)`,
every write is a service, and the audit log is the only log.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from django import forms
from django.contrib import admin
from django.contrib.admin.utils import flatten_fieldsets, quote
from django.core.exceptions import ValidationError
from django.db import models
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from controlplane.base.admin import addresses, editing, one_row
from controlplane.base.admin.changelist import (
    COUNT_CAP,
    BoundedPaginator,
    KeyedList,
    PortalList,
    ScopedRelatedFilter,
    scoped,
)
from controlplane.base.admin.checks import PortalAdminChecks
from controlplane.base.admin.doors import ButtonDoors
from controlplane.base.admin.permitting import Permitting, door
from controlplane.base.admin.questions import in_words
from controlplane.base.admin.searching import quick
from controlplane.base.admin.showing import ROW_PARTS, Showing, as_part
from controlplane.base.web import actor_of, workspace_of
from controlplane.lib.errors import ControlPlaneError, NotAllowed, NotFound

M = TypeVar("M", bound=models.Model)

if TYPE_CHECKING:

    class _Stock(admin.ModelAdmin[M]):
        pass
else:

    class _Stock(admin.ModelAdmin, Generic[M]):
        """Subscriptable at run time too, so that `ModelAdmin[Agent]` needs no monkey patch."""


SEARCH_LENGTH = 100
SEARCH_WORDS = 6
# What the stock filters append to a field's name.
ASKED = frozenset(
    f"__{suffix}"
    for suffix in [
        "exact",
        "isnull",
        "isempty",
        "in",
        "id__exact",
        "pk__exact",
        "uid__exact",
        "gte",
        "gt",
        "lte",
        "lt",
        "year",
        "month",
        "day",
    ]
)
# Never on a page, however an admin is declared: hashes are no use to people, only to thieves.
UID = 36  # characters of a public id
SECRET_FIELDS = ("password", "secret", "token_hash")


class ModelAdmin(Showing, ButtonDoors, Permitting, _Stock[M], Generic[M]):
    """Declare the policy actions; None means nobody, ever.

    `edit_fields` are the descriptive fields a form may change (state is never one), and
    `service_save` hands them to a service. `keyed = True` pages a big table by primary key.
    `workspace_lookup` names the path to the workspace where the model has no field of that name.
    """

    is_portal: ClassVar[bool] = True  # the site registers nothing else
    edit_fields: ClassVar[Sequence[str]] = ()
    add_fields: ClassVar[Sequence[str]] = ()
    workspace_lookup: ClassVar[str | None] = None
    keyed: ClassVar[bool] = False
    refresh_s: ClassVar[int] = 0  # of a row's page; 0: as every page of the console

    checks_class = PortalAdminChecks
    paginator = BoundedPaginator
    list_per_page = 50
    list_max_show_all = 200
    show_full_result_count = False
    show_facets = admin.ShowFacets.ALLOW  # counts beside filters, when somebody asks for them
    view_on_site = False
    save_on_top = False
    actions_on_top = True  # the stock list carries an inline style when there is no action bar
    change_form_template = "admin/portal_change_form.html"
    change_list_template = "admin/portal_change_list.html"
    object_history_template = "admin/portal_object_history.html"

    # --- Which rows -----------------------------------------------------------------------

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[M]:
        rows: models.QuerySet[M] = scoped(self.model._default_manager.all(), actor_of(request))
        workspace, lookup = workspace_of(request), self._workspace_lookup()
        if workspace is not None and lookup is not None:
            rows = rows.filter(models.Q(**{lookup: workspace.pk}) | models.Q(**{lookup: None}))
        ordering = self.get_ordering(request)
        return rows.order_by(*ordering) if ordering else rows

    def _workspace_lookup(self) -> str | None:
        if self.workspace_lookup is not None:
            return self.workspace_lookup
        names = {field.name for field in self.opts.get_fields()}
        return "workspace" if "workspace" in names else None

    def whole(self, request: HttpRequest) -> models.QuerySet[M]:
        """The rows as one alone is read: with what its page says of others."""
        return self.get_queryset(request)

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> M | None:
        """By public id where the model has one, else by key. Out of scope is the same as gone.
        A page asks twice, for its buttons and for itself: then it is fetched once. A form that is
        sent changes what it is given, so there each has its own."""
        if request.method not in {"GET", "HEAD"}:
            return self._read(request, object_id, from_field)
        known: dict[Any, M | None] = request.__dict__.setdefault("_rows_read", {})
        key = self.model, object_id, from_field
        if key not in known:
            known[key] = self._read(request, object_id, from_field)
        return known[key]

    def _read(self, request: HttpRequest, object_id: str, from_field: str | None) -> M | None:
        if from_field is None and self._has_uid() and len(object_id) == UID:
            found: M | None = one_row.by_uid(request, object_id, type(self), self.whole)
            return found
        try:
            return self.whole(request).get(**{from_field or "pk": object_id})
        except (self.model.DoesNotExist, ValidationError, ValueError):
            return None

    def _has_uid(self) -> bool:
        return any(field.name == "uid" for field in self.opts.fields)

    def object_url(self, obj: models.Model, view: str = "change") -> str:
        key = str(getattr(obj, "uid")) if self._has_uid() else quote(obj.pk)  # noqa: B009
        name = f"admin:{self.opts.app_label}_{self.opts.model_name}_{view}"
        return addresses.of_row(name, key, self.admin_site.name)

    def _get_obj_does_not_exist_redirect(self, *args: Any) -> HttpResponse:
        raise NotFound(f"No such {self.opts.verbose_name}.")

    def get_field_queryset(
        self, db: str | None, db_field: Any, request: HttpRequest
    ) -> models.QuerySet[Any]:
        """Choices of a relation in a form: the visible rows, never the whole table."""
        rows = db_field.remote_field.model._default_manager.all()
        return scoped(rows, actor_of(request))

    # --- What of them ---------------------------------------------------------------------

    def get_fields(self, request: HttpRequest, obj: M | None = None) -> Any:
        if obj is None:
            return list(self.add_fields or self.edit_fields)
        if self.fields:
            return self.fields
        return [field.name for field in self.opts.fields if not self.is_secret(field)]

    @staticmethod
    def is_secret(field: Any) -> bool:
        name_tells = field.name.startswith(SECRET_FIELDS) and not field.name.endswith("_at")
        return isinstance(field, models.BinaryField) or name_tells

    def get_readonly_fields(self, request: HttpRequest, obj: M | None = None) -> Any:
        editable = set(self.edit_fields if obj is not None else self.add_fields or self.edit_fields)
        shown = (
            flatten_fieldsets(self.fieldsets)
            if self.fieldsets and obj is not None
            else _flat(self.get_fields(request, obj))
        )
        return [name for name in shown if name not in editable]

    def get_fieldsets(self, request: HttpRequest, obj: M | None = None) -> Any:
        if obj is None:
            return [(None, {"fields": self.get_fields(request, obj)})]
        return super().get_fieldsets(request, obj)

    def get_list_filter(self, request: HttpRequest) -> Any:
        """Relations are filtered through a list of visible rows only."""
        return [
            (item, ScopedRelatedFilter) if self._is_relation(item) else in_words(item)
            for item in super().get_list_filter(request)
        ]

    def _is_relation(self, item: Any) -> bool:
        if not isinstance(item, str):
            return False
        field = self.opts.get_field(item) if "__" not in item else None
        return field is not None and bool(field.is_relation)

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        """Only what the declared filters themselves ask. Stock admin lets a query string like
        `?password__startswith=` answer row by row, which reads out any hidden column."""
        names = [_filter_name(item) for item in (self.list_filter or ())]
        if self.date_hierarchy:
            names.append(self.date_hierarchy)
        return any(
            lookup == name or (lookup.startswith(f"{name}__") and lookup[len(name) :] in ASKED)
            for name in names
            if name
        )

    def get_search_fields(self, request: HttpRequest) -> list[str]:
        return quick(self.model, super().get_search_fields(request))

    def get_search_results(
        self, request: HttpRequest, queryset: models.QuerySet[Any], search_term: str
    ) -> tuple[models.QuerySet[Any], bool]:
        """Bounded: each word becomes a condition over every search field."""
        words = search_term.replace("\x00", "")[:SEARCH_LENGTH].split()[:SEARCH_WORDS]
        return super().get_search_results(request, queryset, " ".join(words))

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[PortalList]:
        return KeyedList if self.keyed else PortalList

    def get_sortable_by(self, request: HttpRequest) -> Any:
        return () if self.keyed else super().get_sortable_by(request)

    # --- Writes: services only ------------------------------------------------------------

    def service_save(
        self, request: HttpRequest, obj: M, form: forms.ModelForm[M], change: bool
    ) -> M:
        """Call the service with `form.cleaned_data` and return its row. When changing, `obj` is
        the row as stored, not as the form would have it."""
        raise NotAllowed("This is changed by its own buttons, not by a form.")

    def service_delete(self, request: HttpRequest, obj: M) -> None:
        raise NotAllowed("This is not deleted from the console.")

    def save_model(self, request: HttpRequest, obj: M, form: Any, change: Any) -> None:
        subject = obj
        if change:
            # The form has already written its values into `obj`: a service comparing before
            # and after would see no change, so it gets the row as the database has it.
            # Locked, so that nobody comes between the look at what was seen and the service.
            rows = self.model._base_manager.select_for_update(of=("self",), no_key=True)
            locked = rows.get(pk=obj.pk)
            editing.require_seen(locked, self.edit_fields, request.POST.get(editing.FIELD))
            subject = self.get_queryset(request).get(pk=obj.pk)
        saved = self.service_save(request, subject, form, bool(change))
        obj.__dict__.update(saved.__dict__)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Relations are the service's too."""

    def delete_model(self, request: HttpRequest, obj: M) -> None:
        self.service_delete(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: models.QuerySet[M]) -> None:
        raise NotAllowed("Rows are not deleted in bulk.")

    # The audit log is the only log: `record()` runs inside the service's transaction.
    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        return None

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        return None

    def log_deletion(self, request: HttpRequest, obj: Any, object_repr: Any) -> Any:
        return None

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        return None

    # --- Pages ----------------------------------------------------------------------------

    @door("view")
    def changelist_view(
        self, request: HttpRequest, extra_context: Mapping[str, Any] | None = None
    ) -> HttpResponse:
        opening = self.opening(request)
        if opening is not None and self.has_view_permission(request):
            return opening
        part = self.take_part(request)
        shown = {"title": self.called, **self.list_context(request), **self.list_shown(request)}
        response = super().changelist_view(request, {**(extra_context or {}), **shown})
        return as_part(request, response, "console/_list.html") if part else response

    @door("change")
    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: Mapping[str, Any] | None = None,
    ) -> HttpResponse:
        """A service that refuses what the form holds speaks beside the field: the page is drawn
        again, with its sentence, after the transaction has rolled back."""
        part = self.take_part(request) if object_id is not None else ""  # a form has no regions
        context = {**(extra_context or {}), **self.detail_context(request, object_id, part)}
        try:
            response = super().changeform_view(request, object_id, form_url, context)
            parts = {**ROW_PARTS, **self.row_parts}
            return as_part(request, response, parts[part]) if part in parts else response
        except (NotAllowed, NotFound):
            raise
        except ControlPlaneError as error:
            if request.method != "POST" or hasattr(request, "service_error"):
                raise
            request.service_error = error  # type: ignore[attr-defined]
            if isinstance(error, editing.ChangedMeanwhile):
                context["seen"] = error.seen  # saving again is saving knowingly
            return super().changeform_view(request, object_id, form_url, context)

    def response_post_save_change(self, request: HttpRequest, obj: Any) -> Any:
        """Back to the thing, not to the list it stands in."""
        return HttpResponseRedirect(self.object_url(obj))

    def response_post_save_add(self, request: HttpRequest, obj: Any) -> Any:
        return HttpResponseRedirect(self.object_url(obj))

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        form_class = super().get_form(request, obj, change, **kwargs)
        error: ControlPlaneError | None = getattr(request, "service_error", None)
        return form_class if error is None else editing.refused_form(form_class, error)

    @door("delete")
    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: Mapping[str, Any] | None = None
    ) -> HttpResponse:
        return super().delete_view(request, object_id, dict(extra_context or {}))

    @door("view")
    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: Mapping[str, Any] | None = None
    ) -> HttpResponse:
        return self.trail(request, object_id)


def _flat(fields: Any) -> list[str]:
    return flatten_fieldsets([(None, {"fields": fields})])


def _filter_name(item: Any) -> str:
    if isinstance(item, str):
        return item
    if isinstance(item, tuple | list):
        return str(item[0])
    return str(getattr(item, "parameter_name", "") or "")


__all__ = ["COUNT_CAP", "ModelAdmin"]
