"""Reading what a caller asks of measures: whose, when, split by what, narrowed to what.

Every fault of a query is named, all of them at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse

from controlplane.access import policy
from controlplane.access.models import Workspace
from controlplane.audit.times import moment
from controlplane.base.api import etag
from controlplane.base.api.answers import JsonAnswer
from controlplane.base.api.serializers import text_fault
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Invalid
from telemetry.measures import MEASURES, STEPS, Measure
from telemetry.models.rollups import DIMENSIONS
from telemetry.queries import WINDOWS
from telemetry.querysets import INSTALLATION

TIME = ("start", "end", "last")
SCOPE = "scope"
SCOPES = ("workspace", "installation")
FORMATS = ("json", "csv")
LONGEST = timedelta(days=3 * 366)
MOST_MEASURES = 20
MOST_VALUES = 50


class Faults(dict[str, str]):
    """What is wrong with a query, by parameter."""

    def raise_any(self) -> None:
        if self:
            raise Invalid("The query is not valid.", details=dict(self))


@dataclass(frozen=True, slots=True)
class Question:
    """What was asked. `workspace_id` None: the installation."""

    workspace_id: int | None
    start: datetime
    end: datetime
    measures: tuple[Measure, ...] = ()
    step: timedelta | None = None
    group_by: str = ""
    filters: Mapping[str, tuple[str, ...]] | None = None
    form: str = "json"


def read(request: Any) -> Question:
    """The question of a series request."""
    asked = request._request.GET
    faults = Faults()
    chosen = _measures(asked.get("measure", ""), faults)
    start, end = window(asked, faults)
    group_by = asked.get("group_by", "")
    _group(group_by, chosen, faults)
    step = _choice(asked.get("step", ""), STEPS, "step", faults)
    form = asked.get("format", "json")
    if form not in FORMATS:
        faults["format"] = "json or csv."
    filters = dimensions(asked, faults)
    scope = scope_of(asked, faults)
    faults.raise_any()
    workspace_id = whose(
        request.actor, request.workspace, scope, any(each.installation for each in chosen)
    )
    return Question(
        workspace_id, start, end, chosen, STEPS.get(step) if step else None, group_by, filters, form
    )


def _measures(text: str, faults: Faults) -> tuple[Measure, ...]:
    names = list(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    unknown = [name for name in names if name not in MEASURES]
    if not 1 <= len(names) <= MOST_MEASURES:
        faults["measure"] = f"1 to {MOST_MEASURES} names of measures, separated by commas."
    elif unknown:
        faults["measure"] = f"No such measure: {', '.join(name[:60] for name in unknown[:5])}."
    return tuple(MEASURES[name] for name in names if name in MEASURES)


def _group(group_by: str, chosen: tuple[Measure, ...], faults: Faults) -> None:
    if not group_by:
        return
    if group_by not in DIMENSIONS:
        faults["group_by"] = f"One of {', '.join(DIMENSIONS)}."
        return
    whole = [each.slug for each in chosen if group_by not in each.groups]
    if whole:
        faults["group_by"] = f"{', '.join(whole)}: can't be split by {group_by}."


def _choice(text: str, known: Mapping[str, Any], name: str, faults: Faults) -> str:
    if text and text not in known:
        faults[name] = f"One of {', '.join(known)}."
    return text


def window(
    asked: Mapping[str, str], faults: Faults, *, longest: timedelta = LONGEST
) -> tuple[datetime, datetime]:
    """`last`, or `start` and `end`; without any, the last 24 hours."""
    now = clock.now()
    last = asked.get("last", "")
    if last and (asked.get("start") or asked.get("end")):
        faults["last"] = "Either last, or start and end."
    if last and last not in WINDOWS:
        faults["last"] = f"One of {', '.join(WINDOWS)}."
    end = _moment(asked, "end", faults) or now
    length = WINDOWS.get(last, timedelta(hours=24))
    try:
        start = _moment(asked, "start", faults) or end - length
    except OverflowError:
        start = end
    if not faults and start >= end:
        faults["start"] = "Must lie before the end."
    elif not faults and end - start > longest:
        faults["start"] = f"At most {longest.days} days before the end."
    return start, end


def _moment(asked: Mapping[str, str], name: str, faults: Faults) -> datetime | None:
    text = asked.get(name, "")
    try:
        # A "+" of an offset that nobody escaped arrives as a blank.
        found = moment(text.replace(" ", "+") if "T" in text else text)
    except Invalid:
        faults[name] = "A time in ISO 8601."
        return None
    if found is not None and not 2000 <= found.year <= 2200:
        faults[name] = "Between 2000 and 2200."
    return found


def dimensions(asked: Mapping[str, str], faults: Faults) -> dict[str, tuple[str, ...]]:
    """Values of dimensions, several separated by commas."""
    found: dict[str, tuple[str, ...]] = {}
    for name in DIMENSIONS:
        if name in asked:
            found[name] = texts(asked[name], name, faults)
    return found


def texts(text: str, name: str, faults: Faults) -> tuple[str, ...]:
    values = tuple(dict.fromkeys(part.strip() for part in text.split(",")))
    if text_fault(text) or "\x00" in text:
        faults[name] = "Holds a control character."
    elif not all(values) or len(values) > MOST_VALUES:
        faults[name] = f"1 to {MOST_VALUES} values, separated by commas."
    return values


def scope_of(asked: Mapping[str, str], faults: Faults) -> str:
    scope = asked.get(SCOPE, SCOPES[0])
    if scope not in SCOPES:
        faults[SCOPE] = f"{' or '.join(SCOPES)}."
    return scope


def whose(actor: Actor, workspace: Workspace, scope: str, portal: bool) -> int | None:
    """The workspace asked about. Figures of the installation are for whoever may see it."""
    if scope == "installation" or portal:
        policy.require(actor, INSTALLATION)
    return None if scope == "installation" else workspace.pk


def answered(request: Any, data: Any) -> HttpResponse:
    """JSON with a tag: 304 while it reads the same."""
    response = JsonAnswer(data)
    return etag.conditional(request._request, response, etag.of_body(response.content))


def as_file(request: HttpRequest, text: str, name: str) -> HttpResponse:
    """CSV to keep."""
    response = HttpResponse(text, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return etag.conditional(request, response, etag.of_body(response.content))
