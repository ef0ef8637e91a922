"""What came after the demo's incidents: a published review with actions, one that is being written,
and the page where the public reads how things are."""

from __future__ import annotations

from datetime import timedelta

from controlplane.base import demo
from controlplane.lib import clock
from controlplane.work import services as work
from incidents.models import Incident, IncidentReview, StatusPage
from incidents.response import updates
from incidents.reviews import acting, writing
from incidents.status import services as status


@demo.step("incidents.after", order=99)
def after(scene: demo.Scene) -> None:
    if StatusPage.objects.filter(workspace=scene.workspace).exists():
        return
    rows = Incident.objects.of(scene.workspace).filter(
        resolved_at__isnull=False, review_due_at__isnull=False
    )
    over = list(rows.exclude(origin="drill").order_by("opened_at")[:2])
    if over:
        _published(scene, over[0])
    if len(over) > 1:
        _begun(scene, over[1])
    _public(scene)


def _published(scene: demo.Scene, row: Incident) -> None:
    lead = scene.actor("engineering_lead")
    primary, second = scene.people["primary_operator"], scene.people["secondary_operator"]
    age = clock.now() - (row.resolved_at or row.opened_at)
    with clock.set_back(age - timedelta(hours=20)):
        writing.plan_review(row, actor=lead)
        review = IncidentReview.objects.get(incident=row)
        review = writing.change_review(
            review, actor=lead,
            impact="Approvals waited for half an hour; no mission lost work.",
            trigger="A packet with 900 files was built.",
            factors="The worker's memory was sized for packets of a hundred files.",
            gaps="The queue was watched, the worker's memory was not.",
            whys=[
                {"why": "Why did approvals wait?", "answer": "The worker was killed again and"
                 " again while it built one packet."},
                {"why": "Why was it killed?", "answer": "It held all files of the packet in"
                 " memory at once."},
                {"why": "Why did nobody see it?", "answer": "Only the queue had an alert, which"
                 " fires after ten minutes."},
            ],
            went_well="It was answered in four minutes, and the way back was known.",
            to_improve="What a worker may use should be seen before it is used up.",
            lessons="Build packets file by file, and watch the memory of whatever builds them.",
            documents="The runbook of evidence uploads names the size of a packet now.",
        )  # fmt: skip
        today = clock.now().date()
        first = acting.add_action(
            review, actor=lead, kind="prevention", title="Build packets file by file",
            owner=primary, due_on=today + timedelta(days=10),
        )  # fmt: skip
        acting.add_action(
            review, actor=lead, kind="monitoring", title="Watch the memory of workers",
            owner=second, due_on=today + timedelta(days=40),
        )  # fmt: skip
        acting.add_action(
            review, actor=lead, kind="runbook", title="Say how a stuck packet is set aside",
            owner=primary, due_on=today + timedelta(days=30), runbook="evidence_upload",
        )  # fmt: skip
        writing.publish_review(review, actor=lead)
    with clock.set_back(age - timedelta(days=9)):
        work.close_item(
            first.item, actor=scene.actor("primary_operator"),
            reason="Packets are built file by file since the last release.",
        )  # fmt: skip


def _begun(scene: demo.Scene, row: Incident) -> None:
    lead = scene.actor("engineering_lead")
    age = clock.now() - (row.resolved_at or row.opened_at)
    with clock.set_back(age - timedelta(hours=30)):
        writing.plan_review(row, actor=lead)
        writing.change_review(
            IncidentReview.objects.get(incident=row), actor=lead,
            trigger="A release whose retries do not pause.",
            whys=[{"why": "Why did one in eleven runs fail?",
                   "answer": "The tool router refused what came forty times a second."}],
        )  # fmt: skip


def _public(scene: demo.Scene) -> None:
    burning = Incident.objects.of(scene.workspace).filter(status="mitigating").first()
    if burning is not None:
        with clock.set_back(timedelta(minutes=8)):
            updates.post_update(
                burning, actor=scene.actor("engineering_lead"), audience="customers",
                kind="initial", subject="Calls of tools time out",
                text="Every third call of a tool times out in three regions. We move traffic to"
                " another provider, and write again within a quarter of an hour.",
            )  # fmt: skip
        with clock.set_back(timedelta(minutes=2)):  # waits for whoever may publish it
            updates.post_update(
                burning, actor=scene.actor("primary_operator"), audience="customers",
                subject="Most calls of tools work again", draft=True,
                text="Two of the three regions answer as they should since traffic goes another"
                " way. In the third one call in ten still fails.",
            )  # fmt: skip
    status.create_page(
        scene.workspace, actor=scene.actor("workspace_admin"), title="Northwind agents",
        intro="How our agents and the services behind them are.", is_open=True,
        is_first=not StatusPage.objects.filter(is_first=True).exists(),
    )  # fmt: skip
