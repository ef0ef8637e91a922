"""The same form sent twice in the same moment, as an impatient thumb does; two people at once."""

from __future__ import annotations

import pytest
from django.urls import reverse

from controlplane.approvals import services
from controlplane.approvals.models import Decision
from tests import make
from tests.kit import approvals
from tests.kit.racing import race

pytestmark = pytest.mark.django_db(transaction=True)


def test_double_submit__one_decision__both_are_told_of_it() -> None:
    here = make.workspace()
    pia = make.person(here, "release_manager")
    asked = approvals.ask(here)
    browsers = [make.client(pia) for _ in range(2)]
    url = reverse("desk:packet", args=(asked.uid,))
    form = {"verdict": "approved", "sha256": asked.sha256, "comment": "Go."}
    answers = race(2, lambda n: browsers[n].post(url, form))
    assert [answer.status_code for answer in answers] == [302, 302], answers
    assert {answer["Location"] for answer in answers} == {url}
    assert Decision.objects.count() == 1
    assert approvals.now_of(asked).status == "approved"


def test_signed_while_it_changes__one_of_the_two_happened() -> None:
    here = make.workspace()
    pia = make.person(here, "release_manager")
    browser = make.client(pia)
    asked = approvals.ask(here, packet={"percent": 10})
    url = reverse("desk:packet", args=(asked.uid,))
    form = {"verdict": "approved", "sha256": asked.sha256, "comment": "Go."}

    def change(_: int) -> object:
        return services.revise(asked, {"percent": 99}, actor=make.JOB, vouched=True)

    signed, changed = race(2, lambda n: browser.post(url, form) if n == 0 else change(n))
    decisions = Decision.objects.filter(request=asked)
    if signed.status_code == 302:  # signed first: what was signed is what was read
        assert decisions.get().sha256 == asked.sha256
        assert isinstance(changed, Exception)
    else:
        assert signed.status_code == 409
        assert "Nothing was signed" in signed.content.decode()
        assert "Go." in signed.content.decode()
        assert not decisions.exists()
