"""Asked swaps and hand-off notes of the inhabited workspace: one of each that still waits."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction

from controlplane.access.models import User, Workspace
from controlplane.lib import clock
from controlplane.oncall import duty, services
from controlplane.oncall.services import handing
from tests import make


def inhabit(workspace: Workspace, root: User, *, hostile: str, long: str) -> None:
    now, actor = clock.now(), make.actor(root)
    rota = services.define_schedule(
        workspace, "handing", actor=make.JOB, title=hostile[:110], roles=["secondary_operator"]
    )
    other = make.person(workspace, "secondary_operator", name=hostile[:60])
    services.set_layer(rota, 1, [root], actor=make.JOB)
    for days, asked in ((2, other), (4, None)):
        services.ask_swap(
            rota, actor=actor, asked=asked, starts=now + timedelta(days=days),
            ends=now + timedelta(days=days, hours=9), reason=hostile,
        )  # fmt: skip
    services.write_note(rota, actor=actor, text=f"{hostile}\n\n{long}")
    services.override(rota, other, actor=make.JOB, ends=now + timedelta(hours=9), reason=long[:400])
    [after] = duty.standings([rota], clock.now())
    with transaction.atomic():  # that of the timer which ends a shift
        handing.hand_over(rota, root.pk, now, after.duty)
        handing.hand_over(rota, other.pk, now - timedelta(hours=9), None)
        handing.hand_over(rota, root.pk, now - timedelta(hours=18), None)
