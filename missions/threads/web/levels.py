"""How the threads of a workspace stand to what was promised."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from controlplane.access.models import Workspace
from controlplane.base.web import actor_of, workspace_of
from missions.threads.levels import levels, window
from missions.threads.web.common import page

WINDOWS = {1: "One day", 7: "A week", 30: "30 days", 90: "90 days"}


@dataclass(frozen=True, slots=True)
class Level:
    """One promise: what was measured beside the floor."""

    name: str
    measured: str
    floor: str
    met: bool | None  # None: nothing was promised
    of: str


@page
def service_levels(request: HttpRequest) -> HttpResponse:
    asked = request.GET.get("days", "")
    days = int(asked) if asked in {str(each) for each in WINDOWS} else 7
    start, end = window(days)
    actor = actor_of(request)
    chosen = workspace_of(request)
    here = [chosen] if chosen is not None else list(
        Workspace.objects.filter(pk__in=actor.workspace_ids, archived_at=None).order_by("name")
    )  # fmt: skip
    found = [(each, levels(each, actor=actor, start=start, end=end)) for each in here]
    return render(
        request,
        "threads/levels.html",
        {
            **admin.site.each_context(request),
            "title": "Service levels of threads",
            "tables": [(each, _rows(told), told["missed"], _silent(told)) for each, told in found],
            "columns": ("Promise", "Measured", "Floor", "Met", "Of"),
            "days": days,
            "windows": WINDOWS.items(),
        },
    )


def _silent(told: Mapping[str, Any]) -> bool:
    return not any(told[name]["attempts"] for name in ("post", "read", "trigger"))


def _rows(told: Mapping[str, Any]) -> Sequence[Level]:
    floor = told["thresholds"]
    post, read, wake = told["post"], told["read"], told["trigger"]
    return [
        _share("Messages taken", post, floor["postSuccessRate"]),
        _share("Reads answered", read, floor["readSuccessRate"]),
        _time("Posted to visible, p95", told["postToVisibleP95Ms"], floor["postToVisibleP95Ms"],
              "" if told["postToVisibleP95Ms"] is None else
              f"posting {_ms(post['p95LatencyMs'])}, reading {_ms(read['p95LatencyMs'])}"),
        _time("Message to wake, p95", told["messageToWakeTriggerP95Ms"],
              floor["messageToWakeTriggerP95Ms"], f"{wake['attempts']:,} wakes"),
        Level("Wakes given up", f"{wake['failures']:,}", "", None, f"{wake['attempts']:,} wakes"),
    ]  # fmt: skip


def _share(name: str, calls: Mapping[str, Any], floor: float) -> Level:
    known = bool(calls["attempts"])
    share = f"{calls['successRate']:.2%}" if known else "nothing yet"
    met = calls["successRate"] >= floor
    return Level(name, share, f"at least {floor:.1%}", met, f"{calls['attempts']:,} calls")


def _time(name: str, took: float | None, floor: float, of: str) -> Level:
    met = took is not None and took <= floor
    return Level(name, _ms(took), f"at most {floor / 1_000:g} s", met, of)


def _ms(value: float | None) -> str:
    if value is None:
        return "nothing yet"
    return f"{value:,.1f} ms" if value < 1_000 else f"{value / 1_000:,.2f} s"
