"""The demo's people have read what is older: their first look at the inbox finds what is new."""

from __future__ import annotations

import pytest

from controlplane.base import demo
from controlplane.notify import demo as steps
from controlplane.notify.models import InboxItem
from controlplane.notify.services import To, notify
from tests import make


@pytest.mark.django_db
def test_inbox__all_but_the_newest_is_read__of_the_demos_people_only() -> None:
    here = make.workspace()
    oscar, stranger = make.person(here, "viewer"), make.person(here, "viewer")
    for number in range(14):
        notify(
            workspace_id=here.pk,
            kind="deployment.event",
            key=f"news-{number}",
            to=To(users=[oscar.pk, stranger.pk]),
            subject=f"News {number}",
        )
    scene = demo.Scene(here, {"viewer": oscar, "ux": oscar})
    steps.inbox(scene)
    unread = InboxItem.objects.filter(read_at=None)
    names = unread.filter(user=oscar).order_by("pk").values_list("notification__subject", flat=True)
    assert list(names) == [f"News {number}" for number in range(4, 14)]
    assert unread.filter(user=stranger).count() == 14
