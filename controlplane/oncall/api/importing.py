"""Calendars of other programs, taken into a schedule."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from rest_framework import serializers

from controlplane.base.api.answers import JsonAnswer
from controlplane.base.api.serializers import StrictSerializer
from controlplane.base.api.views import DetailView, PortalRequest
from controlplane.oncall import numbers, services
from controlplane.oncall.api import shapes
from controlplane.oncall.api.forms import PERSON, LayerForm, PersonRow
from controlplane.oncall.api.schedules import MANAGE, TAGS, schedules
from controlplane.oncall.importing.preparing import AS, Becoming, prepare


class CalendarLook(StrictSerializer):
    # What is too long is refused by its bytes, and a zero byte is told with its line.
    calendar = serializers.CharField(
        trim_whitespace=False, help_text="The text of an iCalendar file."
    )
    people = serializers.DictField(
        child=serializers.CharField(max_length=254, allow_blank=True), required=False,
        help_text=f"Who is meant by a label that names nobody here: {PERSON}.",
    )  # fmt: skip
    become = serializers.ChoiceField(
        choices=AS, required=False, help_text="`swaps` makes no rotation of it."
    )
    position = serializers.IntegerField(
        min_value=1, required=False, help_text="Where a rotation goes; by default above the others."
    )


class CalendarImport(CalendarLook):
    seen = serializers.CharField(
        max_length=40, required=False, allow_blank=True,
        help_text="What a preview said: refused if it becomes something else by now.",
    )  # fmt: skip
    reason = serializers.CharField(max_length=300, required=False, allow_blank=True)


class ImportedLayer(LayerForm):
    people = PersonRow(many=True)  # type: ignore[assignment]
    position = serializers.IntegerField()


class ImportedShift(StrictSerializer):
    person = PersonRow()
    starts = serializers.DateTimeField()
    ends = serializers.DateTimeField()


class CalendarProblem(StrictSerializer):
    line = serializers.IntegerField(help_text="0: of no line of its own.")
    said = serializers.CharField()
    text = serializers.CharField(allow_blank=True)


class CalendarLabel(StrictSerializer):
    said = serializers.CharField(help_text="Names nobody here; `people` may say who is meant.")
    shifts = serializers.IntegerField()


class CalendarBecomes(StrictSerializer):
    name = serializers.CharField(allow_blank=True)
    read = serializers.IntegerField(help_text="Entries found between now and as far as it looks.")
    layer = ImportedLayer(allow_null=True)
    overrides = ImportedShift(many=True)
    problems = CalendarProblem(many=True)
    problems_left_out = serializers.IntegerField()
    unknown = CalendarLabel(many=True)
    seen = serializers.CharField()


def shown(made: Becoming) -> dict[str, Any]:
    rota = made.rota
    return {
        "name": made.name,
        "read": made.read,
        "layer": None
        if rota is None
        else {
            **rota.fields(),
            "title": made.name,
            "until": rota.until,
            "position": made.position,
            "people": [shapes.person(made.people[pk]) for pk in rota.people],
        },
        "overrides": [
            {"person": shapes.person(made.people[one.person or 0]),
             "starts": one.since, "ends": one.until}
            for one in made.swaps
        ],
        "problems": [
            {"line": one.line, "said": one.said, "text": one.text} for one in made.problems
        ],
        "problems_left_out": made.left_out,
        "unknown": [{"said": label, "shifts": count} for label, count in made.unknown.items()],
        "seen": made.seen,
    }  # fmt: skip


class _Calendar(DetailView):
    actions = {"POST": MANAGE}
    output = CalendarBecomes
    outputs = {"POST": CalendarBecomes}
    lookup = "slug"
    tags = TAGS
    max_body = 3 * numbers.CALENDAR_BYTES.shipped

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return schedules(request)

    def given(self, request: Any, slug: str) -> tuple[Any, dict[str, Any]]:
        data = self.read(request)
        data["calendar"] = data["calendar"].encode("utf-8", "replace")
        return self.object(request, {"slug": slug}), data


class ImportPreviewView(_Calendar):
    """What a calendar would become

    A rotation where it has a rhythm, swaps for the rest; what can't be read is told line by line.
    Nothing is changed.
    """

    inputs = {"POST": CalendarLook}

    def post(self, request: Any, slug: str) -> HttpResponse:
        schedule, data = self.given(request, slug)
        return JsonAnswer(shown(prepare(schedule, actor=request.actor, **data)))


class ImportView(_Calendar):
    """Take a calendar in

    As a preview shows it. Everybody whose shifts it changes is told.
    """

    inputs = {"POST": CalendarImport}
    errors = (409,)

    def post(self, request: Any, slug: str) -> HttpResponse:
        schedule, data = self.given(request, slug)
        return JsonAnswer(shown(services.import_calendar(schedule, actor=request.actor, **data)))
