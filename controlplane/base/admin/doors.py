"""The pages around a button: its question, its POST, the report; and an object's audit trail."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import update_wrapper
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME, ActionForm
from django.contrib.admin.utils import unquote
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from controlplane.access import policy
from controlplane.audit import services as audit
from controlplane.base.admin import editing
from controlplane.base.admin.buttons import SEEN, Button, Place, ShownButton, buttons_of
from controlplane.base.web import actor_of
from controlplane.lib import defaults
from controlplane.lib.errors import ControlPlaneError, Invalid, NotAllowed, NotFound

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin as _Admin

    _Base = _Admin[Any]
else:
    _Base = object

BULK_ROWS = defaults.define(
    "console.bulk_rows",
    200,
    unit="rows",
    why="one bulk action stays inside one request's time; more is a job's work",
)
TRAIL_ROWS = 200
NAMED_REFUSALS = 10
CHANGED = "It changed since you looked. Look again."


class ReasonActionForm(ActionForm):
    reason = forms.CharField(
        required=False,
        max_length=300,
        label="Reason",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


class QuestionForm(forms.Form):
    """What a button asks before it acts."""

    reason = forms.CharField(max_length=300, widget=forms.Textarea(attrs={"rows": 3}))
    typed = forms.CharField(max_length=300, widget=forms.TextInput(attrs={"autocomplete": "off"}))

    def __init__(self, asked: Button, name: str, data: Any = None) -> None:
        super().__init__(data)
        self.expected = name
        if not asked.reason:
            del self.fields["reason"]
        if asked.typed:
            self.fields["typed"].label = f"Type {name} to confirm"
        else:
            del self.fields["typed"]
        # What ends or locks something looks like it, before it is pressed too.
        self.grave = asked.typed or asked.quiet
        for field in self.fields.values():
            field.label_suffix = ""
        for field in [*self.fields.values()][:1]:  # whoever pressed a key types on
            field.widget.attrs["autofocus"] = True

    def clean_typed(self) -> str:
        typed: str = self.cleaned_data["typed"]
        if typed.strip() != self.expected.strip():
            raise ValidationError("That is not its name.")
        return typed


class ButtonDoors(_Base):
    """Mixed into `ModelAdmin`."""

    action_form = ReasonActionForm
    if TYPE_CHECKING:

        def heading(self, obj: Any) -> str: ...

        def story(self, request: HttpRequest, obj: Any) -> Any: ...

    def get_urls(self) -> list[URLPattern]:
        def wrap(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
            def wrapper(*args: Any, **kwargs: Any) -> HttpResponse:
                return self.admin_site.admin_view(view)(*args, **kwargs)

            return update_wrapper(wrapper, view)

        info = f"{self.opts.app_label}_{self.opts.model_name}"
        own = [
            path("do/<slug:name>/", wrap(self.list_button_view), name=f"{info}_list_button"),
            path("<path:object_id>/do/<slug:name>/", wrap(self.button_view), name=f"{info}_button"),
        ]
        return [*own, *super().get_urls()]

    # --- Drawing --------------------------------------------------------------------------

    def detail_context(
        self, request: HttpRequest, object_id: str | None, part: str = ""
    ) -> dict[str, Any]:
        if object_id is None:
            return {}
        obj = self.get_object(request, unquote(object_id))
        if obj is None or not self.has_view_permission(request, obj):
            return {}
        # A form that comes back with a mistake in it keeps what its person saw at first.
        seen = request.POST.get(editing.FIELD) or editing.seen_token(
            obj,
            self.edit_fields,  # type: ignore[attr-defined]
        )
        buttons = self._shown(request, "detail", obj)
        # The head alone asks for no history and no panel.
        rest = {"portal": self} if part == "head" else self.row_shown(request, obj)  # type: ignore[attr-defined]
        heading = self.heading(obj)
        return {"portal_buttons": buttons, "seen": seen, "heading": heading, **rest}

    def list_context(self, request: HttpRequest) -> dict[str, Any]:
        return {"portal_buttons": self._shown(request, "list", None)}

    def _shown(self, request: HttpRequest, place: Place, obj: Any) -> list[ShownButton]:
        """The next step first, then what else may be done, then what may not, with the reason."""
        found, next_step = [], True
        for entry in buttons_of(type(self), place):
            refusal = entry.refusal(actor_of(request), obj)
            primary = next_step and not refusal and not entry.typed and not entry.quiet
            next_step = next_step and not primary
            url = self._button_url(entry.name, obj)
            shown = ShownButton(
                entry.name, entry.label, url, refusal, entry.asks, primary, entry.typed
            )
            found.append(replace(shown, seen="" if refusal else entry.state(obj)))
        if place == "detail":
            found += self._forms(request, obj)
        return sorted(found, key=lambda one: (bool(one.refusal), not one.primary))

    def _forms(self, request: HttpRequest, obj: Any) -> Iterator[ShownButton]:
        """What the stock pages offer stands in the same list: editing, deleting."""
        if self.change_action and self.edit_fields:  # type: ignore[attr-defined]
            refusal = _refusal(request, self.change_action, obj)  # type: ignore[attr-defined]
            yield ShownButton(
                "edit", "Edit", "?edit=1", refusal, asks=False, icon="edit", leads=True
            )
        if self.delete_action:  # type: ignore[attr-defined]
            refusal = _refusal(request, self.delete_action, obj)  # type: ignore[attr-defined]
            url = self.object_url(obj, "delete")  # type: ignore[attr-defined]
            yield ShownButton(
                "delete", "Delete…", url, refusal, asks=False, grave=True, icon="trash", leads=True
            )

    def _button_url(self, name: str, obj: Any) -> str:
        info = f"admin:{self.opts.app_label}_{self.opts.model_name}"
        if obj is None:
            return reverse(f"{info}_list_button", args=(name,))
        key = self.object_url(obj).rstrip("/").rsplit("/", 2)[-2]  # type: ignore[attr-defined]
        return reverse(f"{info}_button", args=(key, name))

    # --- Pressing -------------------------------------------------------------------------

    def button_view(self, request: HttpRequest, object_id: str, name: str) -> HttpResponse:
        obj = self.get_object(request, unquote(object_id))
        if obj is None:
            raise NotFound(f"No such {self.opts.verbose_name}.")
        policy.require(actor_of(request), self.view_action, obj)  # type: ignore[attr-defined]
        return self._press(request, self._entry("detail", name), obj)

    def list_button_view(self, request: HttpRequest, name: str) -> HttpResponse:
        return self._press(request, self._entry("list", name), None)

    def _entry(self, place: Place, name: str) -> Button:
        for entry in buttons_of(type(self), place):
            if entry.name == name:
                return entry
        raise NotFound("No such button.")

    def _press(self, request: HttpRequest, entry: Button, obj: Any) -> HttpResponse:
        policy.require(actor_of(request), entry.action, entry.subject(obj))
        back = self._back(obj)
        refusal = entry.refusal(actor_of(request), obj)
        if refusal:
            messages.error(request, refusal)
            return HttpResponseRedirect(back)
        if request.method not in {"GET", "POST"}:
            return HttpResponseNotAllowed(["GET", "POST"])
        if request.method == "GET" and not entry.asks:
            # An address alone changes nothing: whoever follows one presses the button there.
            return self._ask(request, entry, obj, QuestionForm(entry, str(obj or "")), back)
        state = entry.state(obj)
        told = (request.POST if request.method == "POST" else request.GET).get(SEEN)
        if state and told is not None and told != state:
            messages.error(request, CHANGED)
            return HttpResponseRedirect(back)
        if state and told is None and request.method == "POST":
            # Pressed without a look at it: first the look.
            return self._ask(request, entry, obj, QuestionForm(entry, str(obj or "")), back)
        form = self._question(request, entry, obj)
        if form is not None and not form.is_valid():
            return self._ask(request, entry, obj, form, back)
        return self._run(request, entry, obj, form, back)

    def _question(self, request: HttpRequest, entry: Button, obj: Any) -> QuestionForm | None:
        if not entry.asks:
            return None
        data = request.POST if request.method == "POST" else None
        return QuestionForm(entry, str(obj) if obj is not None else "", data)

    def _ask(
        self, request: HttpRequest, entry: Button, obj: Any, form: QuestionForm, back: str
    ) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": entry.label,
            "subtitle": self.heading(obj) if obj is not None else None,
            "opts": self.opts,
            "called": self.called,  # type: ignore[attr-defined]
            "question": entry.confirm,
            "form": form,
            "back": back,
            "label": entry.label,
            "seen": entry.state(obj),
        }
        return TemplateResponse(request, "admin/portal_question.html", context)

    def _run(
        self, request: HttpRequest, entry: Button, obj: Any, form: QuestionForm | None, back: str
    ) -> HttpResponse:
        reason = form.cleaned_data.get("reason", "") if form is not None else ""
        handler = getattr(self, entry.name)
        try:
            answer = handler(request, reason) if obj is None else handler(request, obj, reason)
        except (NotAllowed, NotFound):
            raise
        except ControlPlaneError as error:
            messages.error(request, error.message)
            return HttpResponseRedirect(back)
        if isinstance(answer, HttpResponse):
            return answer
        messages.success(request, answer or f"{entry.label}: done.")
        return HttpResponseRedirect(back)

    def _back(self, obj: Any) -> str:
        if obj is None:
            return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist")
        return str(self.object_url(obj))  # type: ignore[attr-defined]

    # --- A selection of rows --------------------------------------------------------------

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Only our own, and only what this person may do somewhere."""
        actor = actor_of(request)
        return {
            entry.name: (_bulk_runner(entry), entry.name, entry.label)
            for entry in buttons_of(type(self), "selection")
            if policy.can(actor, entry.action)
        }

    def response_action(
        self, request: HttpRequest, queryset: Any, *args: Any, **kwargs: Any
    ) -> Any:
        """Stock code passes whatever was posted to the database as keys."""
        key = self.model._meta.pk
        for text in request.POST.getlist(ACTION_CHECKBOX_NAME):
            try:
                number = key.to_python(text)
            except ValidationError:
                raise Invalid("That selection names no rows.") from None
            if isinstance(number, int) and abs(number) >= 2**63:
                raise Invalid("That selection names no rows.")
        return super().response_action(request, queryset, *args, **kwargs)

    def run_bulk(self, request: HttpRequest, entry: Button, rows: models.QuerySet[Any]) -> None:
        reason = request.POST.get("reason", "").strip()[:300]
        if entry.reason and not reason:
            messages.error(request, f"{entry.label} needs a reason.")
            return
        chosen = list(rows[: BULK_ROWS.value + 1])
        if len(chosen) > BULK_ROWS.value:
            messages.error(request, f"At most {BULK_ROWS.value} rows at once.")
            return
        refused = [text for obj in chosen if (text := self._one(request, entry, obj, reason))]
        done = len(chosen) - len(refused)
        if done:
            messages.success(request, f"{entry.label}: {done} done.")
        if refused:
            named = "; ".join(refused[:NAMED_REFUSALS])
            more = len(refused) - NAMED_REFUSALS
            tail = f"; and {more} more" if more > 0 else ""
            messages.error(request, f"{entry.label}: {len(refused)} refused. {named}{tail}")

    def _one(self, request: HttpRequest, entry: Button, obj: Any, reason: str) -> str:
        try:
            with transaction.atomic():
                policy.require(actor_of(request), entry.action, obj)
                getattr(self, entry.name)(request, obj, reason)
        except NotAllowed as error:
            audit.record_denied(error)
            return f"{obj}: {error.message}"
        except ControlPlaneError as error:
            return f"{obj}: {error.message}"
        return ""

    # --- The trail ------------------------------------------------------------------------

    def trail(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """What happened to this row, newest first, from the audit log. It needs no more than
        the right to see the row: the trail of one thing is part of the thing."""
        obj = self.get_object(request, unquote(object_id))
        if obj is None:
            raise NotFound(f"No such {self.opts.verbose_name}.")
        policy.require(actor_of(request), self.view_action, obj)  # type: ignore[attr-defined]
        found = list(self.story(request, obj).order_by("-id")[: TRAIL_ROWS + 1])
        context = {
            **self.admin_site.each_context(request),
            "title": "Audit trail",
            "subtitle": self.heading(obj),
            "opts": self.opts,
            "called": self.called,  # type: ignore[attr-defined]
            "object": obj,
            "back": self._back(obj),
            "events": found[:TRAIL_ROWS],
            "more": len(found) > TRAIL_ROWS,
        }
        return TemplateResponse(request, "admin/portal_object_history.html", context)


def _refusal(request: HttpRequest, action: str, obj: Any) -> str:
    decision = policy.can(actor_of(request), action, obj)
    return "" if decision else decision.reason


def _bulk_runner(entry: Button) -> Callable[[Any, HttpRequest, models.QuerySet[Any]], None]:
    def run(model_admin: Any, request: HttpRequest, queryset: models.QuerySet[Any]) -> None:
        model_admin.run_bulk(request, entry, queryset)

    return run
