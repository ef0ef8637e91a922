"""The demo's part: a policy people agreed to, one who asked for erasure."""

from __future__ import annotations

from controlplane.access.principals import actor_for_user
from controlplane.base import demo
from controlplane.privacy import services
from controlplane.privacy.models import Consent

POLICY = """## What we keep

Your name and address, the roles you hold, when and from where you signed in, what you did in the
portal, and what you wrote in it.

## Why

To know who gave an agent a task, who signed for it, and who may see what. The record of what was
done is kept for a year, since auditors ask for it.

## Your rights

Take your data with you, correct it, have it erased within thirty days, take this consent back:
all of it on your account's page on privacy.
"""


@demo.step("privacy", order=95)
def tell_and_ask(scene: demo.Scene) -> None:
    officer = scene.people.get("privacy_officer") or scene.people["workspace_admin"]
    actor = actor_for_user(officer)
    policy = services.publish_policy(
        scene.workspace, actor=actor, text=POLICY, changes="The first version."
    )
    for number, person in enumerate(dict.fromkeys(scene.people.values())):
        if number % 5 == 4:
            continue  # one in five has not answered yet
        services.answer_policy(
            policy, number % 5 != 3 or number > 5, actor=actor_for_user(person),
            door=Consent.Door.CONSOLE,
        )  # fmt: skip
