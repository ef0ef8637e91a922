"""The demo's contact book and one channel."""

from __future__ import annotations

from controlplane.access.principals import actor_for_user
from controlplane.base import demo
from controlplane.notify import services
from controlplane.notify.models import InboxItem

_SEATS = {
    "mission_owner_lead": "mission_owner",
    "governance_validator_lead": "governance_validator",
    "operations_command_lead": "operations_command",
    "telemetry_analyst_lead": "telemetry_analyst",
    "knowledge_curator_lead": "knowledge_curator",
    "engineering_lead": "engineering_lead",
    "security_lead": "security_lead",
    "product_owner": "product_manager",
}
_FRESH = 10  # unread by each person


@demo.step("contacts", order=20)
def contacts(scene: demo.Scene) -> None:
    actor = scene.actor("operations_command")
    for purpose, role in _SEATS.items():
        person = scene.people[role]
        services.add_contact(
            scene.workspace, actor=actor, purpose=purpose, name=person.name, user=person
        )
    services.add_contact(
        scene.workspace,
        actor=actor,
        family="partner",
        purpose="tool_router_support",
        name="Tool Router support desk",
        email="support@tools.example",
        coverage="24/5, in English",
        days="mon_fri",
        notes="Ask for more quota with the request template; name the toolkit and the hour.",
    )


@demo.step("channel", order=21)
def channel(scene: demo.Scene) -> None:
    services.create_channel(
        scene.workspace,
        actor=scene.actor("workspace_admin"),
        name="Ops mailing list",
        kind="email",
        target="ops@demo.example",
        urgencies=["critical"],
    )


@demo.step("inbox", order=110)
def inbox(scene: demo.Scene) -> None:
    """People have read what is older: whoever signs in first finds the news, not all there was."""
    for person in {user.pk: user for user in scene.people.values()}.values():
        actor = actor_for_user(person)
        rows = InboxItem.objects.visible_to(actor).unread().order_by("-created_at", "-pk")
        services.mark_read(actor, list(rows.values_list("uid", flat=True)[_FRESH:]))
