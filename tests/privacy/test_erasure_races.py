"""Erased and withdrawn at the same moment."""

from __future__ import annotations

import pytest

from controlplane.access.services import leaving
from controlplane.lib import actors
from controlplane.lib.errors import ControlPlaneError
from controlplane.privacy import services
from controlplane.privacy.models import DeletionRequest
from tests import make
from tests.kit.privacy import Scene, days
from tests.kit.racing import race

JOB = actors.job("privacy.erase")


@pytest.mark.django_db(transaction=True)
def test_withdrawn_while_it_is_done__one_of_both() -> None:
    scene = Scene()
    row = scene.ask()
    with days(8):

        def run(number: int) -> str:
            own = DeletionRequest.objects.get(pk=row.pk)
            try:
                if number:
                    return services.withdraw(own, actor=make.actor(scene.robin)).status
                return services.erase(own, actor=JOB).status
            except ControlPlaneError as error:
                return error.code

        answers = race(2, run)
    row.refresh_from_db()
    scene.robin.refresh_from_db()
    assert row.status in answers
    assert len({"done", "cancelled"} & set(answers)) == 1
    assert leaving.is_erased(scene.robin) == (row.status == "done")
