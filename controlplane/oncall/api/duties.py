"""Who is on duty, then and now; shifts to come; the roster."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse

from controlplane.access.policy import PEOPLE
from controlplane.base.api.answers import JsonAnswer
from controlplane.base.api.serializers import read
from controlplane.base.api.views import DetailView, PortalAPIView, PortalRequest
from controlplane.lib import clock
from controlplane.lib.errors import Invalid
from controlplane.oncall import duty, numbers
from controlplane.oncall.api import forms, shapes
from controlplane.oncall.api.schedules import TAGS, VIEW, schedules
from controlplane.oncall.roster import roster, shifts_of

MOST = 30
LONGEST = timedelta(days=400)
FAR = timedelta(days=3_660)


def _near(field: str, at: datetime) -> datetime:
    if abs(at - clock.now()) > FAR:
        raise Invalid("That is too far away.", details={field: "Within ten years."})
    return at


class OnDutyView(PortalAPIView):
    """Who is on duty

    Now, or at a time asked for; of every schedule, or of those that fill a role. A schedule that
    nobody answers for is there too, and says whether somebody should.
    """

    actions = {"GET": VIEW}
    outputs = {"GET": forms.OnDutyAnswer}
    query = ("role", "at")
    tags = TAGS

    def get(self, request: Any) -> HttpResponse:
        asked = read(forms.OnDutyQuery, dict(request._request.GET.items()))
        role = asked.get("role", "")
        if role and role not in PEOPLE:
            raise Invalid("There is no such role.", details={"role": "No role that people hold."})
        at = _near("at", asked["at"]) if "at" in asked else clock.now()
        found = duty.standing(request.workspace, role=role, at=at)
        return JsonAnswer({"at": at, "items": [shapes.standing(one) for one in found]})


class ShiftsView(DetailView):
    """Shifts of a schedule, gaps among them: by default of the next weeks."""

    actions = {"GET": VIEW}
    output = forms.ShiftsAnswer
    outputs = {"GET": forms.ShiftsAnswer}
    lookup = "slug"
    query = ("since", "until")
    tags = TAGS

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return schedules(request)

    def get(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        schedule = self.object(request, kwargs)
        asked = read(forms.ShiftsQuery, dict(request._request.GET.items()))
        since = _near("since", asked["since"]) if "since" in asked else clock.now()
        default = since + timedelta(weeks=numbers.ROSTER_WEEKS.value)
        until = _near("until", asked["until"]) if "until" in asked else default
        if not timedelta(0) < until - since <= LONGEST:
            days = LONGEST.days
            raise Invalid(
                f"At most {days} days.", details={"until": f"After since, by {days} days at most."}
            )
        found = shifts_of(schedule, since, until)
        if len(found) > numbers.MOST_SHIFTS.value:
            raise Invalid("Too many shifts.", details={"until": "Ask for a shorter time."})
        names = duty.Names.of(found)
        rows = [shapes.shift(one, names) for one in found]
        return JsonAnswer({"since": since, "until": until, "items": rows})


class RosterView(PortalAPIView):
    """The next weeks of every schedule as Markdown, to publish."""

    actions = {"GET": VIEW}
    outputs = {"GET": forms.RosterAnswer}
    tags = TAGS

    def get(self, request: Any) -> HttpResponse:
        rows = schedules(request).filter(retired_at=None).order_by("title", "id")
        return JsonAnswer({"markdown": roster(list(rows[:MOST]))})
