"""How lists and rows are shown: tabs, a useful default, parts on their own, forms without script.

The templates draw; this says what there is to draw.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import parse_qsl

from django import forms
from django.contrib.admin.widgets import RelatedFieldWidgetWrapper
from django.db import models
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.text import capfirst

from controlplane.audit.models import AuditEvent
from controlplane.audit.refs import subject_ref
from controlplane.base.admin.words import label_of
from controlplane.base.web import actor_of
from controlplane.lib import defaults, kept
from controlplane.lib.actors import Actor

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin as _Admin

    _Base = _Admin[Any]
else:
    _Base = object

PART = "_part"
# Where one stands and how one looks: none of it changes which question the list answers.
PASSING = frozenset({"p", "before", "after", "workspace", "o", "_facets"})
EDIT = "edit"
TIMELINE_ROWS = defaults.define(
    "console.timeline_rows", 50, unit="rows", why="a page shows this much of a thing's history"
)
_MOMENT = {
    "form_class": forms.DateTimeField,
    "widget": forms.DateTimeInput(format="%Y-%m-%dT%H:%M", attrs={"type": "datetime-local"}),
}
_DAY = {"widget": forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})}


class Showing(_Base):
    """Mixed into `ModelAdmin`.

    `tabs` are the questions a list is usually asked, as (words, query string); the first is what
    opens when nothing was asked. `list_name` is what the list is called where that is not the
    plural of its rows. `labels` are words for columns and fields where `base.admin.words` has none
    that fit. `about` is a sentence under the title; `empty` and `empty_hint`
    are what an empty list teaches. `panel_template` draws the heart of a row's page, above its
    timeline, beside the `facts` (by default the fields of its form); `list_panel_template` draws
    figures above a list. `row_parts` are further regions of a row's page that are asked for alone,
    and what draws each. `in_palette` offers the list when somebody types words into the palette.
    `phone_columns` are what a phone shows of a row under its first column, in one line; where none
    are named, its state or severity and its time. The rest stands on the row's page.

    The head of a row's page says how the row stands: `head_state`, `head_severity` and
    `head_owner` name a field or a display method each (a fact of such a name is found by itself),
    `head_clocks` the times that matter now: a deadline counts down, anything else says since when.
    What the head says is not said again among the facts. `audited` is False where nothing is ever
    done to a row, which has no timeline then. `timeline_rows` are fewer events than usual, where
    the panel above them says already how the row stands.
    """

    tabs: ClassVar[Sequence[tuple[str, str]]] = ()
    list_name: ClassVar[str] = ""
    labels: ClassVar[Mapping[str, str]] = {}
    about: ClassVar[str] = ""
    empty: ClassVar[str] = ""
    empty_hint: ClassVar[str] = ""
    panel_template: ClassVar[str] = ""
    row_parts: ClassVar[Mapping[str, str]] = {}
    list_panel_template: ClassVar[str] = ""
    facts: ClassVar[Sequence[str]] = ()
    titled: ClassVar[bool] = False  # its text is words of ours, no name: it begins as a title does
    head_state: ClassVar[str] = ""
    head_severity: ClassVar[str] = ""
    head_owner: ClassVar[str] = ""
    head_clocks: ClassVar[Sequence[str]] = ()
    in_palette: ClassVar[bool] = False
    audited: ClassVar[bool] = True
    timeline_rows: ClassVar[int] = 0
    phone_columns: ClassVar[Sequence[str]] = ()
    formfield_overrides: ClassVar[Any] = {
        models.DateTimeField: _MOMENT,
        models.DateField: _DAY,
        models.URLField: {"widget": forms.URLInput},  # the stock one says the address twice
    }

    @property
    def media(self) -> forms.Media:
        """None: the stock scripts and styles bring inline styles, and the pages need neither."""
        return forms.Media()

    def formfield_for_dbfield(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        """Without the pencil and plus around choices of a relation, which only scripts can use."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if (
            isinstance(field, forms.DateTimeField)
            and "UTC" not in f"{field.label}{field.help_text}"
        ):
            field.help_text = f"{field.help_text} In UTC.".strip()
        if field is not None and isinstance(field.widget, RelatedFieldWidgetWrapper):
            field.widget = field.widget.widget
        return field

    def get_form(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Labels as words, and no colon after them: they stand above their fields."""
        form = super().get_form(request, *args, **kwargs)
        for name, field in form.base_fields.items():
            field.label_suffix = ""
            field.label = label_of(self, name, field.label)
        return form

    # --- Lists ----------------------------------------------------------------------------

    @property
    def called(self) -> str:
        """The one name of the list: in its heading, the breadcrumbs, the sidebar, the palette."""
        return self.list_name or capfirst(str(self.opts.verbose_name_plural))

    def opening(self, request: HttpRequest) -> HttpResponse | None:
        """A list nobody asked anything opens with its first tab, in the address like any other."""
        asked = set(request.GET) - {"workspace"}
        if request.method != "GET" or asked or not self.tabs:
            return None
        kept = request.GET.urlencode()
        query = self.tabs[0][1]
        return HttpResponseRedirect(f"{request.path}?{query}{'&' if kept else ''}{kept}")

    def take_part(self, request: HttpRequest) -> str:
        """Which region is asked for alone; afterwards the request reads as the whole page's."""
        part = request.GET.get(PART, "")
        if part:
            kept = request.GET.copy()
            del kept[PART]
            request.GET = kept  # type: ignore[assignment]
            request.META["QUERY_STRING"] = kept.urlencode()
        return part

    def list_shown(self, request: HttpRequest) -> dict[str, Any]:
        here = sorted(pair for pair in request.GET.items() if pair[0] not in PASSING)
        tabs = [
            {"label": label, "query": query, "current": here == sorted(parse_qsl(query))}
            for label, query in self.tabs
        ]
        on_tab = any(tab["current"] for tab in tabs)
        return {
            "portal": self,
            "tabs": tabs,
            "on_tab": on_tab,
            **self.list_panel_context(request),
        }

    def list_panel_context(self, request: HttpRequest) -> Mapping[str, Any]:
        """What `list_panel_template` needs."""
        return {}

    # --- A row's page ---------------------------------------------------------------------

    def row_shown(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        events: list[AuditEvent] = []
        most = self.timeline_rows or TIMELINE_ROWS.value
        if self.audited:
            events = self.newest(request, obj, range(most + 1))
        wanted = EDIT in request.GET and self.has_change_permission(request, obj)
        return {
            "portal": self,
            "editing": wanted or request.method == "POST",
            "events": events[:most],
            "older_events": len(events) > most,
            **self.panel_context(request, obj),
        }

    def story(self, request: HttpRequest, obj: Any) -> Any:
        """The events that its timeline and its trail tell. A page whose row is one thing with
        others tells theirs too."""
        return AuditEvent.objects.visible_to(actor_of(request)).about(obj)

    def newest(self, request: HttpRequest, obj: Any, most: range) -> list[AuditEvent]:
        """As many of its story as a range is long: how many is part of a question's text."""
        if type(self).story is not Showing.story:
            return list(self.story(request, obj).order_by("-id")[: len(most)])
        return kept.seen(actor_of(request), _trail, subject_ref(obj), most)

    def heading(self, obj: Any) -> str:
        """What its page is called: words rather than keys."""
        return capfirst(str(obj)) if self.titled else str(obj)

    def panel_context(self, request: HttpRequest, obj: Any) -> Mapping[str, Any]:
        """What `panel_template` needs beside `original`."""
        return {}


def _trail(actor: Actor, ref: str, most: range) -> Any:
    rows = AuditEvent.objects.visible_to(actor).about(ref)
    return rows.order_by("-id")[: len(most)]


# The regions of a row's page that are asked for alone.
ROW_PARTS = {"row": "console/_row.html", "head": "console/_head.html"}
# A fresh mask over the same token at every look.
_TOKEN = re.compile(r'(name="csrfmiddlewaretoken" value=")[^"]*')
_CLOCK = re.compile(r"(<time\b[^>]*\bdata-(?:when|countdown)=[^>]*>).*?</time>", re.DOTALL)


def tag_of(text: str) -> str:
    """The ETag of a part. Not of the words its clocks say: the reader's browser keeps those true,
    and "4 s ago" would make every part new at every look; nor of the tokens in its forms."""
    kept = _TOKEN.sub(r"\1", _CLOCK.sub(r"\1", text))
    return f'"{hashlib.sha256(kept.encode()).hexdigest()[:24]}"'


def as_part(request: HttpRequest, response: HttpResponse, template: str) -> HttpResponse:
    """The same answer drawn with one region's template; 304 while it reads the same."""
    if not isinstance(response, TemplateResponse):
        return response
    response.template_name = template
    response.render()
    tag = tag_of(response.content.decode())
    answer: HttpResponse = response
    if request.headers.get("If-None-Match") == tag:
        answer = HttpResponse(status=304)
    answer["ETag"] = tag
    answer["Cache-Control"] = "private, no-cache"
    return answer
