"""Hours of support over the API: channels, days that differ, and what would be due when."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import QuerySet
from django.http import HttpResponse
from rest_framework import serializers

from controlplane.access.models import Workspace
from controlplane.base.api.answers import JsonAnswer, created
from controlplane.base.api.filters import PortalFilterSet
from controlplane.base.api.serializers import StrictSerializer
from controlplane.base.api.views import ListView, NowView, PortalAPIView, PortalRequest
from controlplane.lib import clock
from controlplane.lib.errors import NotFound
from controlplane.lib.given import refuse
from controlplane.oncall import numbers
from incidents.models import Holiday, SupportChannel
from incidents.support import holidays, hours

VIEW, KEEP = "incident.view", hours.KEEP
TAGS = ["Support"]
MOST_SECONDS = 31 * 24 * 3_600


class SupportChannelRow(StrictSerializer):
    slug = serializers.CharField()
    title = serializers.CharField()
    about = serializers.CharField()
    address = serializers.CharField()
    time_zone = serializers.CharField()
    hours = serializers.ListField(child=serializers.CharField(), help_text="mon-fri 09:00-17:00")
    rests = serializers.BooleanField(help_text="on holidays")
    position = serializers.IntegerField()
    own = serializers.SerializerMethodField(help_text="the workspace's; else shipped")
    version = serializers.IntegerField()

    def get_own(self, row: SupportChannel) -> bool:
        return row.workspace_id is not None


class SupportChannelFields(StrictSerializer):
    title = serializers.CharField(max_length=80, required=False)
    about = serializers.CharField(max_length=300, required=False, allow_blank=True)
    address = serializers.CharField(max_length=200, required=False, allow_blank=True)
    time_zone = serializers.CharField(max_length=64, required=False)
    hours = serializers.ListField(
        child=serializers.CharField(max_length=120), required=False, max_length=14
    )
    rests = serializers.BooleanField(required=False)
    position = serializers.IntegerField(required=False, min_value=0, max_value=10_000)
    version = serializers.IntegerField(required=False, help_text="that was seen")


class SupportDue(StrictSerializer):
    channel = serializers.CharField()
    open = serializers.BooleanField(help_text="whether somebody is there then")
    since = serializers.DateTimeField()
    seconds = serializers.IntegerField()
    due_at = serializers.DateTimeField()


class HolidayRow(StrictSerializer):
    uid = serializers.UUIDField()
    day = serializers.DateField()
    title = serializers.CharField()
    hours = serializers.CharField(help_text="open in spite of it; empty: closed")
    calendar = serializers.CharField(help_text="it was taken from")
    version = serializers.IntegerField()


class HolidayFields(StrictSerializer):
    day = serializers.DateField()
    title = serializers.CharField(max_length=120)
    hours = serializers.CharField(max_length=120, required=False, allow_blank=True)


class HolidayCalendar(StrictSerializer):
    calendar = serializers.CharField(
        trim_whitespace=False, help_text="The text of an iCalendar file."
    )
    dry_run = serializers.BooleanField(required=False, help_text="only say what it would add")


class HolidayProblem(StrictSerializer):
    line = serializers.IntegerField(help_text="0: of no line of its own")
    said = serializers.CharField()
    text = serializers.CharField(allow_blank=True)


class HolidayDay(StrictSerializer):
    day = serializers.DateField()
    title = serializers.CharField()


class HolidaysTaken(StrictSerializer):
    calendar = serializers.CharField(allow_blank=True)
    added = HolidayDay(many=True)
    known = serializers.IntegerField(help_text="days that were there already")
    problems = HolidayProblem(many=True)


class HolidayFilter(PortalFilterSet):
    since = django_filters.DateFilter(field_name="day", lookup_expr="gte")
    until = django_filters.DateFilter(field_name="day", lookup_expr="lte")


class SupportChannelFilter(PortalFilterSet):
    pass


class SupportChannelsView(ListView):
    """Ways to reach support, and when somebody is there."""

    actions = {"GET": VIEW}
    output = SupportChannelRow
    extra_columns = ("workspace_id",)
    filterset = SupportChannelFilter
    sorts = {"position": ("position", "slug", "id")}
    tags = TAGS

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        place = _place(request)
        hours.rows_of(place.pk)
        rows: QuerySet[Any] = SupportChannel.objects.in_force(place.pk)
        return rows

    def shape(self, row: dict[str, Any]) -> dict[str, Any]:
        return row | {"own": row.pop("workspace_id") is not None}


def _place(request: Any) -> Workspace:
    workspace: Workspace = request.workspace
    return workspace


class OneSupportChannel(PortalAPIView):
    tags = TAGS
    errors = (404, 409)

    def row(self, request: Any, slug: str) -> SupportChannel:
        for row in hours.rows_of(_place(request).pk):
            if row.slug == slug:
                return row
        raise NotFound("There is no such channel.")

    @staticmethod
    def shown(row: SupportChannel) -> dict[str, Any]:
        return dict(SupportChannelRow(row).data)


class SupportChannelView(OneSupportChannel):
    """One channel."""

    actions = {"GET": VIEW, "PUT": KEEP, "DELETE": KEEP}
    inputs = {"PUT": SupportChannelFields}
    outputs = {"GET": SupportChannelRow, "PUT": SupportChannelRow}
    statuses = {"DELETE": 204}

    def get(self, request: Any, slug: str) -> HttpResponse:
        """One channel as it holds in the workspace"""
        return JsonAnswer(self.shown(self.row(request, slug)))

    def put(self, request: Any, slug: str) -> HttpResponse:
        """Make it, or say it anew: of a shipped one the workspace gets its own"""
        values = self.read(request)
        done = hours.save_channel(_place(request), slug, actor=request.actor, **values)
        return JsonAnswer(self.shown(done))

    def delete(self, request: Any, slug: str) -> HttpResponse:
        """Drop the workspace's own; a shipped one of this name holds again"""
        hours.drop_channel(_place(request), slug, actor=request.actor, reason="Over the API.")
        return HttpResponse(status=204)


class SupportDueView(OneSupportChannel):
    """When something is due that takes so many covered seconds."""

    actions = {"GET": VIEW}
    outputs = {"GET": SupportDue}
    query = ("since", "seconds")

    def get(self, request: Any, slug: str) -> HttpResponse:
        """`seconds` of covered time from `since` (now) on"""
        since = serializers.DateTimeField().run_validation(
            request.query_params.get("since") or clock.now()
        )
        given = request.query_params.get("seconds", "0")
        if not (given.isascii() and given.isdigit()) or int(given) > MOST_SECONDS:
            raise refuse("seconds", f"A whole number up to {MOST_SECONDS:,}.")
        if not 2000 <= since.year <= 2100:
            raise refuse("since", "A moment of this century.")
        self.row(request, slug)
        channel = hours.channel(_place(request).pk, slug)
        return JsonAnswer({
            "channel": slug, "open": hours.is_open(channel, since), "since": since,
            "seconds": int(given), "due_at": hours.due(channel, since, int(given)),
        })  # fmt: skip


def _holidays(request: PortalRequest) -> QuerySet[Any]:
    rows: Any = Holiday.objects.visible_to(request.actor)
    return rows.of(request.workspace)  # type: ignore[no-any-return]


class HolidaysView(ListView):
    """Days on which channels that rest are closed, or open for some hours only."""

    actions = {"GET": VIEW, "POST": KEEP}
    output = HolidayRow
    inputs = {"POST": HolidayFields}
    outputs = {"POST": HolidayRow}
    filterset = HolidayFilter
    sorts = {"day": ("day", "id"), "latest": ("-day", "-id")}
    tags = TAGS
    errors = (409,)

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return _holidays(request)

    def post(self, request: Any) -> HttpResponse:
        """Write down a day"""
        given = self.read(request)
        made = hours.add_holiday(_place(request), given.pop("day"), actor=request.actor, **given)
        return created(self.show(made), f"{request.path}/{made.uid}")


class HolidayView(NowView):
    """One day."""

    actions = {"GET": VIEW, "PATCH": KEEP, "DELETE": KEEP}
    output = HolidayRow
    inputs = {"PATCH": HolidayFields}
    outputs = {"GET": HolidayRow, "PATCH": HolidayRow}
    statuses = {"DELETE": 204}
    version = ("version",)
    tags = TAGS
    errors = (409,)

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return _holidays(request)

    def patch(self, request: Any, uid: Any) -> HttpResponse:
        """Change what is given"""
        row = self.object(request, {"uid": uid})
        seen = self.seen(request, row, {"uid": uid})
        given = self.read(request, partial=True)
        done = hours.change_holiday(row, actor=request.actor, version=seen, **given)
        return JsonAnswer(self.show(done))

    def delete(self, request: Any, uid: Any) -> HttpResponse:
        """Remove it"""
        hours.remove_holiday(self.object(request, {"uid": uid}), actor=request.actor)
        return HttpResponse(status=204)


class HolidayCalendarView(PortalAPIView):
    """Take the whole days of a calendar in."""

    actions = {"POST": KEEP}
    inputs = {"POST": HolidayCalendar}
    outputs = {"POST": HolidaysTaken}
    statuses = {"POST": 200}
    tags = TAGS
    errors = (409,)
    max_body = 3 * numbers.CALENDAR_BYTES.shipped

    def post(self, request: Any) -> HttpResponse:
        """From today on; what is there already stays as it is"""
        given = self.read(request)
        raw = given["calendar"].encode("utf-8", "replace")
        do = holidays.look if given.get("dry_run") else holidays.take
        found = do(_place(request), raw, actor=request.actor)
        return JsonAnswer({
            "calendar": found.calendar, "known": found.known,
            "added": [{"day": day, "title": title} for day, title in found.days],
            "problems": [
                {"line": line, "said": said, "text": text} for line, said, text in found.problems
            ],
        })  # fmt: skip
