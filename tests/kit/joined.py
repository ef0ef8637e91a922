"""Everything that an alert touches, in one workspace: what acts by itself, an agent that is woken,
a call that nobody answers and one that is answered by one tap, what is given back, the review, and
its actions in a terminal."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from email.message import Message
from pathlib import Path
from typing import TYPE_CHECKING, Any

from controlplane.audit.models import AuditEvent
from controlplane.lib import clock
from controlplane.work.local_key import local_key
from deployments.flags import services as flags
from incidents import links
from incidents.models import Incident, Page
from incidents.records import moving
from incidents.response import acting, checks, deciding, responding, timeline, updates
from incidents.reviews import acting as review_acting
from incidents.reviews import writing
from missions.models import Mission
from missions.threads import services as threads
from missions.threads.models import Thread
from tests import make
from tests.kit import alerts, catalog, deployments, missions, receivers
from tests.kit import browser as browsers
from tests.kit.bd import Bd
from tests.kit.incidents import WRITTEN, Watchroom
from tests.kit.running import engine, supervisor
from tests.kit.senders import Alertmanager, until
from tests.kit.served import Served

if TYPE_CHECKING:
    from tests.kit.browser import Browser

FIRES = {
    "labels": {"alertname": "HighErrorRate", "severity": "critical", "service": "agent"},
    "annotations": {"summary": "Six percent of calls fail"},
}
SECRET = "s" * 32
LINK = re.compile(r"^[^:\n]+: (http\S+/answer/incident\.acknowledge/\S+)$", re.MULTILINE)
# The trail in its order; between these stand others.
TRAIL = (
    "incident.open", "incident.act:flag_off", "incident.acknowledge", "incident.triage",
    "incident.decide", "incident.update", "incident.publish", "incident.mitigate",
    "incident.resolve", "incident.check", "incident.act:undo", "incident.resolve",
    "incident.close", "incident.review", "incident.conclude", "incident.close",
)  # fmt: skip
DONE_BY_ITSELF = ("flag_off", "pause_missions", "trip_breaker", "block_item", "wake_agent")


@dataclass
class Scene:
    """Something of each thing that the portal governs, and a policy that acts on it."""

    room: Watchroom = field(default_factory=Watchroom)

    def __post_init__(self) -> None:
        room = self.room
        room.everybody()
        self.chief = room.by(room.person("operations_command"))
        self.lead, self.second = room.by(room.lead), room.by(room.secondary)
        self.flag = flags.create_flag(room.workspace, "new-planner", actor=self.lead)
        flags.create_flag(room.workspace, "mission_type_outreach", actor=self.lead)
        world = missions.World(room.workspace)
        self.missions = [world.imported(mission_type="outreach") for _ in range(2)]
        Mission.objects.filter(workspace=room.workspace).update(status="active")
        self.mail = catalog.integration(room.workspace, slug="mail")
        self.service = catalog.service(room.workspace, slug="agent", name="Agent")
        self.release = deployments.World(room.workspace).watched()
        self.agent = make.agent(room.workspace, role="executioner", name="Mender")

    def answers_by_itself(self) -> None:
        acts = [
            {"kind": "flag_off", "target": "new-planner"},
            {"kind": "pause_missions", "target": "type:outreach"},
            {"kind": "trip_breaker", "target": "mail"},
            {"kind": "block_item", "target": self.release.ref},
            {"kind": "wake_agent", "target": "Mender", "given": {"prompt": "What do you see?"}},
        ]
        row = responding.save(self.room.workspace, actor=self.lead, title="Calm it", actions=acts)
        responding.switch(row, "on", actor=self.lead, reason="It was tried.")

    def stand(self) -> tuple[bool, set[str], str, bool]:
        """Flag, missions, breaker, whether the release's item waits."""
        self.flag.refresh_from_db()
        self.mail.refresh_from_db()
        assert self.release.item is not None
        self.release.item.refresh_from_db()
        states = Mission.objects.filter(pk__in=[each.pk for each in self.missions])
        return (self.flag.enabled, set(states.values_list("status", flat=True)),
                self.mail.status, self.release.item.blocked)  # fmt: skip


@dataclass
class Around:
    """What is awake around the portal while things burn: the portal itself as it is served, who
    sends alerts, who takes mail, the runtime of agents, the engine and whoever wakes agents."""

    served: Served
    sender: Alertmanager
    mailbox: receivers.Mailbox
    runtime: receivers.Receiver


@contextmanager
def around(scene: Scene, served: Served, folder: Path, public: str) -> Iterator[Around]:
    """`public`: where links in mails lead."""
    _, key = alerts.source(scene.room.workspace)
    state = outside(folder)
    with ExitStack() as stack:
        sender = Alertmanager(folder, served.url, key)
        stack.callback(sender.program.stop)
        mailbox = stack.enter_context(receivers.mail_receiver())
        runtime = stack.enter_context(receivers.http_receiver())
        threads.register_runtime(
            scene.agent, "night", actor=scene.chief, runtime="codex", adapter="webhook",
            target=f"{runtime.url}/wake", secret=SECRET,
        )  # fmt: skip
        mail = {"EMAIL_URL": f"smtp://{mailbox.host}:{mailbox.port}",
                "CONTROLPLANE_PUBLIC_URL": public}  # fmt: skip
        stack.enter_context(engine(folder / "engine.log", **state, **mail))
        stack.enter_context(supervisor(folder / "supervisor.log", **state))
        yield Around(served, sender, mailbox, runtime)


def outside(folder: Path) -> dict[str, str]:
    """What the processes of a test share: a folder for state, and leave to call this machine."""
    return {"CONTROLPLANE_STATE_DIR": str(folder), "CONTROLPLANE_OUTGOING_ALLOW": "127.0.0.1"}


def lived_through(
    scene: Scene, near: Around, browser: Browser, folder: Path
) -> tuple[Incident, set[str]]:
    """From the alert to the ready queue; the incident, and what is to be done after it."""
    room = scene.room
    # Without an end Alertmanager takes it for over when nobody repeats it.
    began = clock.now()
    lasts = {"startsAt": began.isoformat(), "endsAt": (began + timedelta(hours=1)).isoformat()}
    near.sender.fire([{**FIRES, **lasts}])
    incident = until(lambda: Incident.objects.first(), "an incident is open")
    until(lambda: _acted(incident) == dict.fromkeys(DONE_BY_ITSELF, "done"), "all is done")
    assert scene.stand() == (False, {"paused"}, "open", True)
    [woken] = until(lambda: list(near.runtime.received), "the agent is woken")
    assert woken.path == "/wake"
    assert json.loads(woken.body)["wake_id"]

    until(lambda: _mailed(near.mailbox, room.primary), "the first are called")
    room.later(6 * 60, tick=False)  # and nobody answers
    link = until(lambda: _mailed(near.mailbox, room.secondary), "the second step is reached", 120)
    _tap(browser, link)
    incident.refresh_from_db()
    assert incident.acknowledged_by == room.secondary
    steps = Page.objects.filter(incident=incident).values_list("step", flat=True)
    assert len(set(steps)) > 1

    _mitigated(scene, incident)
    near.sender.fire([{**FIRES, **lasts, "endsAt": clock.now().isoformat()}])
    until(lambda: not incident.alerts.filter(status="firing").exists(), "nothing fires")
    titles = _over(scene, incident)
    assert scene.stand() == (True, {"active"}, "closed", False)
    until(lambda: ready(near.served, room, folder) >= titles, "its actions are ready")
    incident.refresh_from_db()
    _reachable(browser, scene, incident)
    return incident, titles


def _acted(incident: Incident) -> dict[str, str]:
    return dict(incident.actions.values_list("kind", "status"))


def _mailed(mailbox: receivers.Mailbox, person: Any) -> str:
    """The link of the page that was mailed to them, or nothing yet."""
    for mail in mailbox.messages:
        found = LINK.search(text_of(mail))
        if found is not None and person.email in _to(mail):
            return found[1]
    return ""


def text_of(mail: Message) -> str:
    plain = next(part for part in mail.walk() if part.get_content_type() == "text/plain")
    body = plain.get_payload(decode=True)
    return body.decode().replace("\r\n", "\n") if isinstance(body, bytes) else ""


def _to(mail: Message) -> str:
    return f"{mail['To']} {mail['X-RcptTo']}"


def _tap(browser: Browser, link: str) -> None:
    browser.size(browsers.NARROW)
    browser.open(link.removeprefix(browser.base))
    browser.until(lambda: browser.find("form .answer-button"), lambda: browser.text()).click()
    browser.until(lambda: browser.find("[role=status]"))


def _mitigated(scene: Scene, row: Incident) -> None:
    second, lead = scene.second, scene.lead
    moving.triage(row, actor=second, impact_percent=40, symptoms="Calls fail.",
                  started_at=row.opened_at)  # fmt: skip
    row.refresh_from_db()
    if row.status == "triaged":
        moving.mitigate(row, actor=second, reason="Work on it begins.")
    row.refresh_from_db()
    deciding.decide(row, actor=lead, text="We stay on the old planner.", why="It works.")
    updates.post_update(row, actor=lead, text="Calls are slow.", audience="internal")
    updates.post_update(row, actor=lead, text="Calls are slow.", audience="customers")
    row.refresh_from_db()
    moving.mitigated(row, actor=second, how="The new planner is off.")


def _over(scene: Scene, row: Incident) -> set[str]:
    """Watched, looked at, given back, resolved, reviewed; what is to be done, by title."""
    room, second, lead = scene.room, scene.second, scene.lead
    row.refresh_from_db()
    row = moving.watch(row, actor=second)
    for slug in checks.KINDS:
        if slug != "customers":
            checks.note_check(row, slug, "ok", actor=second)
    for action in row.actions.to_take_back():
        if action.kind != "wake_agent":
            back = acting.take_back(action, actor=scene.chief, reason="It is mended.")
            assert back.status == "done", back.result
    row.refresh_from_db()
    row = moving.resolve(row, actor=second, reason="It has been quiet.",
                         root_cause="The new planner asked twice.")  # fmt: skip
    row = writing.plan_review(row, actor=lead)
    review = writing.begin_review(row, actor=lead)
    values: dict[str, Any] = {**WRITTEN, "no_actions": ""}
    review = writing.change_review(review, actor=lead, **values)
    titles = {"prevention": "Ask once", "monitoring": "Watch it", "runbook": "Write it down"}
    due = clock.now().date() + timedelta(days=7)
    for kind, title in titles.items():
        review_acting.add_action(
            review, actor=lead, kind=kind, title=title, owner=room.primary, due_on=due
        )
    writing.publish_review(review, actor=lead)
    row.refresh_from_db()
    moving.close(row, actor=lead, reason="All of it is said.")
    return set(titles.values())


def ready(served: Served, room: Watchroom, folder: Path) -> set[str]:
    bd = Bd(folder, url=served.url, key=local_key(room.workspace))
    if not bd.beads.exists():
        bd.ok("init")
    return {each["title"] for each in bd.json("ready", "--limit", "50")}


def _reachable(browser: Browser, scene: Scene, row: Incident) -> None:
    """From its page to whatever it touched."""
    browser.size(browsers.WIDE)
    browser.sign_in(make.client(scene.room.lead))
    browser.open(f"/admin/incidents/incident/{row.pk}/change/")
    leads = {str(each.get_attribute("href")) for each in browser.all("main a[href]")}
    told = browser.text("main")
    assert scene.release.item is not None
    thread = Thread.objects.get(item=row.item)
    assert any(links.listing(Mission, status="paused") in each for each in leads)
    rows: tuple[Any, ...] = (
        scene.flag, scene.mail, scene.release.item, thread, row.review, row.item,
    )  # fmt: skip
    for each in rows:
        pages = (links.page_of(each), f"/{each.uid}/")
        assert any(page in lead for page in pages for lead in leads), (each, sorted(leads))
    for name in (scene.room.primary.name, scene.room.secondary.name, "HighErrorRate"):
        assert name in told, name
    assert browser.said() == []


def told_in_order(row: Incident) -> None:
    """One log, sealed, that tells it from the first to the last."""
    told = list(timeline.events(row, make.JOB).order_by("id").values_list("action", flat=True))
    at = -1
    for action in TRAIL:
        assert action in told[at + 1 :], (action, told)
        at = told.index(action, at + 1)
    for action in ("flag.kill", "mission.pause", "catalog.trip", "flag.enable", "mission.resume"):
        assert action in told, (action, told)
    reasons = AuditEvent.objects.filter(action="flag.kill").values_list("reason", flat=True)
    assert all(each.startswith(row.ref) for each in reasons)
