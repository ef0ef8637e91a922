"""Somebody who operates one workspace and is a partner of another: threads of the other are not
theirs to see, at whatever door."""

from __future__ import annotations

from typing import Any

import pytest

from controlplane.access.models import User
from controlplane.access.services import add_member, grant_role
from controlplane.lib.errors import NotAllowed
from missions.threads import services
from missions.threads.models import (
    Message,
    Participant,
    RuntimeSession,
    Thread,
    WakeAttempt,
    WakeRun,
    WakeTrigger,
)
from missions.threads.waking.services.running import begin_run
from tests import make
from tests.kit.api import Api
from tests.kit.threads import Talk
from tests.kit.waking import Night

pytestmark = pytest.mark.django_db
SAID = "the secret plan"


@pytest.fixture
def theirs() -> Night:
    night = Night(Talk(make.workspace()))
    night.session()
    night.post(body=SAID)
    (row,) = night.claim()
    begin_run(row, "spawn", None, ["codex"], supervisor="h:1:x")
    return night


@pytest.fixture
def both(theirs: Night) -> User:
    user = make.person(make.workspace(), "operations_command")
    there = add_member(theirs.talk.workspace, user, actor=make.JOB)
    grant_role(there, "product_partner", actor=make.JOB)
    return user


def test_rows__are_of_where_one_may(theirs: Night, both: User) -> None:
    for model in (
        Thread, Participant, Message, RuntimeSession, WakeTrigger, WakeAttempt, WakeRun,
    ):  # fmt: skip
        rows: Any = model
        assert rows.objects.visible_to(theirs.talk.operator).exists(), model
        assert not rows.objects.visible_to(make.actor(both)).exists(), model


def test_messages__are_refused(theirs: Night, both: User) -> None:
    uid = theirs.talk.thread.uid
    with pytest.raises(NotAllowed) as refused:
        services.read_messages(uid, actor=make.actor(both))
    assert refused.value.error_code == "NOT_FOUND"
    mine = services.read_messages(uid, actor=theirs.talk.operator)
    assert SAID in mine.messages


def test_doors__show_nothing(theirs: Night, both: User) -> None:
    thread, browser = theirs.talk.thread, make.client(both)
    for headers in ({}, {"X-Workspace": theirs.talk.workspace.slug}):
        api = Api(browser=browser, **headers)
        for path in ("messages", "summary", "triggers", "participants"):
            answer = api.get(f"/api/v1/threads/{thread.uid}/{path}")
            assert answer.status_code in {400, 403, 404}, (path, answer.content)
    pages = (
        "/admin/threads/thread/?view=all", "/admin/threads/waketrigger/?view=all",
        "/admin/threads/wakerun/", "/admin/threads/runtimesession/?view=all",
        f"/admin/threads/thread/{thread.uid}/messages/1/",
        f"/admin/threads/thread/{thread.uid}/change/",
    )  # fmt: skip
    for page in pages:
        said = browser.get(page).content.decode()
        assert SAID not in said, page
        assert theirs.talk.reviewer.name not in said, page
