"""`If-Match` under callers who write at the same moment."""

from __future__ import annotations

import pytest

from tests import make
from tests.kit.api import Api, reset
from tests.kit.racing import race


@pytest.mark.django_db(transaction=True)
def test_change__several_with_the_same_version_at_once__one_is_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reset(monkeypatch)
    ws = make.workspace()
    path = f"/api/v1/agents/{make.agent(ws, name='b').uid}"
    callers = [Api(browser=make.client(make.person(ws, "workspace_admin"))) for _ in range(4)]
    tag = callers[0].get(path)["ETag"]

    def change(number: int) -> int:
        sent = {"name": f"n{number}"}
        return int(callers[number].send("PATCH", path, sent, **{"If-Match": tag}).status_code)

    # Without the lock all of them compare before the first of them has written.
    assert sorted(race(4, change)) == [200, 412, 412, 412]
    named = callers[0].get(path).json()["name"]
    assert named.startswith("n")
