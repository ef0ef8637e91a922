"""What people are told, and what they agree to: version by version, taken back as easily."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse

from controlplane.access.models import User
from controlplane.lib.errors import Conflict, Invalid, NotAllowed, NotFound
from controlplane.notify.models import InboxItem
from controlplane.privacy import services
from controlplane.privacy.models import Consent, PrivacyPolicy
from tests import make
from tests.kit import settled
from tests.kit.api import Api, refused

pytestmark = pytest.mark.django_db
DOOR = Consent.Door.CONSOLE


class Told:
    def __init__(self) -> None:
        self.ws = make.workspace()
        self.officer = make.person(self.ws, "privacy_officer")
        self.reader = make.person(self.ws, "viewer")
        self.stranger = make.person(make.workspace(), "workspace_admin")
        self.policy = self.publish("We keep your name.")

    def publish(self, text: str, **fields: Any) -> PrivacyPolicy:
        return services.publish_policy(self.ws, actor=make.actor(self.officer), text=text, **fields)

    def say(self, agree: bool, policy: PrivacyPolicy | None = None) -> Consent:
        who = make.actor(self.reader)
        return services.answer_policy(policy or self.policy, agree, actor=who, door=DOOR)


@settled.once
def told() -> Told:
    return Told()


def asked(user: User) -> list[int]:
    """The versions that their own page asks them about still."""
    shown = make.client(user).get(reverse("privacy:mine")).context["policies"]
    return [policy.version for policy, said in shown if policy.asks_consent and said is None]


def test_published__everybody_is_told_and_asked__a_new_version_asks_again(told: Told) -> None:
    assert InboxItem.objects.filter(user=told.reader, notification__kind="privacy.policy").exists()
    assert asked(told.reader) == [1]
    told.say(True)
    assert asked(told.reader) == []
    second = told.publish("We keep your name and address.")
    assert second.version == 2
    assert asked(told.reader) == [2]
    told.publish("You are told, not asked.", asks_consent=False)
    assert asked(told.reader) == []
    with pytest.raises(Conflict):
        told.say(True, PrivacyPolicy.objects.get(workspace=told.ws, version=3))


def test_empty_unchanged_or_too_long__refused(told: Told) -> None:
    for text in ("  ", "We keep your name.", "x" * 60_001):
        with pytest.raises(Invalid):
            told.publish(text)


def test_published__stays_as_it_was_read(told: Told) -> None:
    for change in (
        lambda: PrivacyPolicy.objects.filter(pk=told.policy.pk).update(text="other"),
        lambda: PrivacyPolicy.objects.filter(pk=told.policy.pk).delete(),
        lambda: Consent.objects.filter(pk=told.say(True).pk).update(user=told.officer),
    ):
        with pytest.raises(IntegrityError, match="stays"), transaction.atomic():
            change()


def test_taken_back__stays_on_record__given_again(told: Told) -> None:
    row = told.say(True)
    assert told.say(True).pk == row.pk
    back = services.withdraw_consent(row, actor=make.actor(told.reader))
    assert back.answer == "withdrawn"
    again = told.say(True)
    assert again.answer == "given"
    said = Consent.objects.filter(user=told.reader).order_by("pk")
    assert [one.answer for one in said] == ["given", "withdrawn", "given"]
    assert [one.replaced_at is None for one in said] == [False, False, True]


def test_on_paper__by_the_officer_who_names_it(told: Told) -> None:
    officer = make.actor(told.officer)
    with pytest.raises(Invalid):
        services.record_consent(told.policy, told.reader, actor=officer, evidence=" ")
    row = services.record_consent(
        told.policy, told.reader, actor=officer, evidence="Letter of 3 May"
    )
    assert (row.door, row.evidence) == ("officer", "Letter of 3 May")


def test_strangers__say_nothing_here_and_see_nothing(told: Told) -> None:
    actor = make.actor(told.stranger)
    with pytest.raises(NotFound):
        services.answer_policy(told.policy, True, actor=actor, door=DOOR)
    with pytest.raises(NotAllowed):
        services.record_consent(told.policy, told.reader, actor=actor, evidence="x")
    with pytest.raises(NotAllowed):
        services.publish_policy(told.ws, actor=make.actor(told.reader), text="mine")
    with pytest.raises(NotAllowed):
        services.withdraw_consent(told.say(True), actor=actor)
    api = Api(browser=make.client(told.stranger))
    assert api.get(f"/api/v1/privacy/policies/{told.policy.uid}").status_code == 404
    page = make.client(told.stranger).post(
        reverse("privacy:answer", args=[told.policy.uid]), {"answer": "agree"}
    )
    assert page.status_code == 404


def test_agents__consent_to_nothing(told: Told) -> None:
    _, secret = make.key(make.agent(told.ws, role="executor"), scopes=["*"])
    answer = Api(secret).post(f"/api/v1/privacy/policies/{told.policy.uid}/consent",
                              {"agree": True})  # fmt: skip
    refused(answer, "FORBIDDEN")


def test_api__publish_say_and_list(told: Told) -> None:
    officer = Api(browser=make.client(told.officer))
    made = officer.post("/api/v1/privacy/policies", {"text": "More.", "changes": "Addresses, too."})
    assert made.status_code == 201
    where = f"/api/v1/privacy/policies/{made.json()['uid']}"
    reader = Api(browser=make.client(told.reader))
    assert reader.get(where).json()["text"] == "More."
    assert reader.post(f"{where}/consent", {"agree": True}).json()["answer"] == "given"
    listed = officer.get("/api/v1/privacy/consents?version=2").json()["items"]
    assert [row["person"] for row in listed] == [str(told.reader.uid)]
    refused(reader.get("/api/v1/privacy/consents"), "FORBIDDEN")
    refused(officer.post("/api/v1/privacy/policies", {"text": ""}), "INVALID_ARGUMENT")
    refused(officer.post(f"{where}/consent", {"agree": "maybe"}), "INVALID_ARGUMENT")
