"""What the list of events is narrowed by. The address of a dashboard's drill-down speaks these."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from controlplane.access import policy
from controlplane.base import cache
from controlplane.base.web import actor_of, workspace_of
from controlplane.lib import clock, defaults
from telemetry.catalogue import AGENT_ROLES, find
from telemetry.models import Flag, RollupDay
from telemetry.querysets import INSTALLATION
from telemetry.shown import times
from telemetry.shown.words import STAGE_WORDS, STATUSES, event_words

OFFERED = 40
MOST_ASKED = 12
MENU_S = defaults.define(
    "telemetry.menu_s", 60, unit="seconds", why="names in the menus of lists may be this old"
)
SEEN_DAYS = 30


class Time(admin.SimpleListFilter):
    """Always in force: what is asked of all days reads all partitions."""

    title = "time"
    parameter_name = "range"

    def __init__(self, request: HttpRequest, params: Any, model: Any, model_admin: Any) -> None:
        self.asked = {name: request.GET.get(name, "") for name in ("range", "from", "to", "q")}
        super().__init__(request, params, model, model_admin)
        for name in ("from", "to"):
            params.pop(name, None)

    def expected_parameters(self) -> list[str | None]:
        return ["range", "from", "to"]

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, words) for name, (words, _) in times.LENGTHS.items()] + [
            ("all", "all that is kept")
        ]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        if self._of_all_days():
            return queryset
        chosen = times.read(self.asked)
        if self.asked["to"]:
            return queryset.between(chosen.start, chosen.end)
        # To this moment, and what fast clocks sent from beyond it.
        return queryset.filter(occurred_at__gte=chosen.start)

    @property
    def start(self) -> datetime | None:
        return None if self._of_all_days() else times.read(self.asked).start

    def _of_all_days(self) -> bool:
        """Who looks for one correlation or mission looks in all that is kept: its index answers."""
        if self.asked["range"] == "all":
            return True
        ranged = any(self.asked[name] for name in ("range", "from", "to"))
        return bool(self.asked["q"]) and not ranged

    def choices(self, changelist: Any) -> Iterator[Any]:
        custom = bool(self.asked["from"] or self.asked["to"])
        usual = times.LENGTHS[times.USUAL][0]
        drop = ["range", "from", "to"]
        chosen = "" if custom else self.asked["range"]
        yield {
            "selected": not custom and chosen in {"", times.USUAL},
            "query_string": changelist.get_query_string({"range": times.USUAL}, drop),
            "display": usual,
        }
        for value, words in self.lookup_choices:
            if value != times.USUAL:
                yield {
                    "selected": chosen == value,
                    "query_string": changelist.get_query_string({"range": value}, drop),
                    "display": words,
                }
        if custom:
            yield {"selected": True, "query_string": "", "display": times.read(self.asked).words}


ABOUT = "about"
OF_INSTALLATION = "installation"


class Whose(admin.SimpleListFilter):
    """A workspace's events, or those about the installation itself."""

    title = "about"
    parameter_name = ABOUT

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        if not policy.can(actor_of(request), INSTALLATION):
            return []
        return [(OF_INSTALLATION, "The installation")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        """Done in `EventAdmin.get_queryset`: a filter without choices is not asked at all."""
        return queryset


class Column(admin.SimpleListFilter):
    """One column, by one value or several with commas between."""

    field = ""
    offers: tuple[str, ...] = ()
    drawn = True  # else only while it is asked

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        names = list(self.names(request)) if self.drawn else []
        asked = self.asked()
        joined = ",".join(asked)
        if asked and joined not in names:
            names.insert(0, joined)
        return [(name, ", ".join(map(self.words, name.split(",")))) for name in names[:OFFERED]]

    def names(self, request: HttpRequest) -> list[str]:
        return list(self.offers)

    def words(self, value: str) -> str:
        return value

    def asked(self) -> list[str]:
        text = str(self.value() or "").replace("\x00", "")
        found = [part.strip()[:128] for part in text.split(",")]
        return [part for part in found if part][:MOST_ASKED]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        asked = self.asked()
        if not asked:
            return queryset
        lookup = {self.field: asked[0]} if len(asked) == 1 else {f"{self.field}__in": asked}
        return queryset.filter(**lookup)


class EventType(Column):
    title = "event"
    parameter_name = "event"
    field = "event_type"

    def names(self, request: HttpRequest) -> list[str]:
        return seen(request)["event_type"]

    def words(self, value: str) -> str:
        return event_words(value)

    def asked(self) -> list[str]:
        """By the canonical name, under whichever it is asked for."""
        return [kind.name if (kind := find(name)) else name for name in super().asked()]


class Status(Column):
    title = "status"
    parameter_name = "status"
    field = "status"
    offers = tuple(STATUSES)

    def words(self, value: str) -> str:
        return STATUSES.get(value, value)


class Agent(Column):
    title = "agent"
    parameter_name = "agent"
    field = "agent"
    offers = AGENT_ROLES

    def words(self, value: str) -> str:
        return value.capitalize()


class Toolkit(Column):
    title = "toolkit"
    parameter_name = "toolkit"
    field = "toolkit"

    def names(self, request: HttpRequest) -> list[str]:
        return seen(request)["toolkit"]


class Stage(Column):
    title = "stage"
    parameter_name = "stage"
    field = "stage"
    offers = tuple(stage for stage in STAGE_WORDS if stage)

    def words(self, value: str) -> str:
        return STAGE_WORDS.get(value, value)


class Operation(Column):
    title = "operation"
    parameter_name = "operation"
    field = "operation"
    drawn = False


class Code(Column):
    title = "code"
    parameter_name = "code"
    field = "code"
    drawn = False


class Service(Column):
    title = "service"
    parameter_name = "service"
    field = "service"
    drawn = False


class Env(Column):
    title = "environment"
    parameter_name = "env"
    field = "env"
    drawn = False


class Mission(Column):
    title = "mission"
    parameter_name = "mission"
    field = "mission"
    drawn = False


class Correlation(Column):
    title = "correlation"
    parameter_name = "correlation"
    field = "correlation_id"
    drawn = False


class Noticed(admin.SimpleListFilter):
    """What the ingest noticed."""

    title = "noticed"
    parameter_name = "noticed"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        every = [(flag.name.lower(), flag.label.capitalize()) for flag in Flag]
        return [("any", "Anything"), *every, ("redacted", "Something was redacted")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        asked = str(self.value() or "")
        if asked == "any":
            return queryset.filter(flags__gt=0)
        if asked == "redacted":
            return queryset.filter(redactions__isnull=False)
        flag = next((flag for flag in Flag if flag.name.lower() == asked), None)
        if flag is None:
            return queryset
        # Which of the 64 combinations hold this bit: an ordinary IN.
        held = [bits for bits in range(1, 2 * max(Flag.values)) if bits & flag.value]
        return queryset.filter(flags__in=held)


ALL: tuple[type[admin.SimpleListFilter], ...] = (
    Time, EventType, Status, Agent, Toolkit, Stage, Noticed, Whose, Operation, Code, Service, Env,
    Mission, Correlation,
)  # fmt: skip


def seen(request: HttpRequest) -> dict[str, list[str]]:
    """Names of events and toolkits in use, of the sums of the last days."""
    workspace = workspace_of(request)
    actor = actor_of(request)
    key = f"telemetry_menu:{actor.ref}:{workspace.pk if workspace else ''}"
    return cache.cached(key, MENU_S.value, lambda: _names(request))


def _names(request: HttpRequest) -> dict[str, list[str]]:
    workspace = workspace_of(request)
    rows = RollupDay.objects.visible_to(actor_of(request))
    if workspace is not None:
        rows = rows.of(workspace.pk)
    rows = rows.filter(bucket__gte=clock.now() - timedelta(days=SEEN_DAYS)).order_by()
    pairs = rows.values_list("event_type", "toolkit").distinct()[:2_000]
    events, toolkits = set(), set()
    for name, toolkit in pairs:
        events.add(name)
        toolkits.add(toolkit)
    return {"event_type": sorted(events), "toolkit": sorted(toolkits - {""})}
