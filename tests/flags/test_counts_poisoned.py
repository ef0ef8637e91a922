"""Counts no honest application sends: bounded, and never in the way of the honest ones."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection

from controlplane.access.models import Workspace
from controlplane.lib import clock
from deployments.flags.models import FlagUsage, ImpactSample, UnknownFlag
from deployments.flags.services import counts, impact
from deployments.flags.services.apps import App
from deployments.flags.serving import counting
from deployments.flags.serving.counting import Answer
from tests import make
from tests.kit import sdk as flags
from tests.kit import settled
from tests.kit.sdk import Sdk

pytestmark = pytest.mark.django_db


@settled.once
def ws() -> Workspace:
    return make.workspace()


def test_sums__stop_before_the_end_of_the_column(ws: Workspace) -> None:
    place = flags.environment(ws)
    hour = clock.now().replace(minute=0, second=0, microsecond=0)
    for _ in range(3):
        counting.reported(place.pk, App("x"), hour, {Answer("a", True, "v"): 2**62})
        counting.unknown(place.pk, App("x"), "b", 2**62)
        counting.flush()
        sample = impact.Sample("x", "t", "histogram", {}, 1e308, 2**62, {"1": 2**62})
        impact.keep(place.pk, hour, [sample])
    usage = FlagUsage.objects.get()
    assert (usage.yes, usage.variants) == (counts.MOST, {"v": counts.MOST})
    assert UnknownFlag.objects.get().times == counts.MOST
    kept = ImpactSample.objects.get()
    assert (kept.count, kept.buckets) == (counts.MOST, {"1": counts.MOST})


def test_report__of_more_than_anybody_asks_is_refused(ws: Workspace) -> None:
    flags.flag(ws, "a")
    now = clock.now().isoformat()
    told = {"start": now, "stop": now, "toggles": {"a": {"yes": 2**53, "no": 0}}}
    answer = Sdk(ws).post("/unleash/api/client/metrics", {"appName": "x", "bucket": told})
    assert answer.status_code == 400


def test_count_that_cant_be_written__goes_alone(ws: Workspace) -> None:
    place = flags.environment(ws)
    good: Any = Answer("a", True, "")
    counting.answered(place.pk, App("x"), [good, Answer("bad\x00name", True, "")])
    counting.unknown(place.pk, App("x"), "b")
    counting.flush()
    assert FlagUsage.objects.get().flag_name == "a"
    assert UnknownFlag.objects.get().flag_name == "b"
    assert counting.pending() == 0
    assert connection.is_usable()
