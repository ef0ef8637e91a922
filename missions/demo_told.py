"""Missions that the demo's people took through the stages here, one at each turn of the way: signed
to the end, waiting for signatures since minutes and since hours, turned down, sent back."""

from __future__ import annotations

from datetime import timedelta

from controlplane.base import demo
from controlplane.lib import clock
from missions import services
from missions.demo_walk import Story, Walk
from missions.models import Mission

_DAYS, _HOURS = timedelta(days=1), timedelta(hours=1)
_DONE = Story(
    "told-done", "Thank customers who reported a fault",
    "Whoever told us of a fault hears what became of it, from a person.",
    "Draft a mail to each customer whose report led to a change.",
    "Customers who reported a fault this year.", "They report the next one as well.",
    "Reports by customers a month", "reports", 12, 20, tags=("support",), due_in=10,
    learnt={
        "summary": "58 mails were drafted, 55 were sent after somebody read them. 21 wrote back.",
        "went_well": "Nobody was thanked for a fault that is still there.",
        "to_improve": "Link each report to its change when it is made, not afterwards.",
        "kpi_actual": "18",
    },
)  # fmt: skip
_REFLECTED = Story(
    "told-reflected", "Ask new customers how the first week was",
    "A short mail after the first week, in the words of whoever sold to them.",
    "Draft one mail a customer, with one question.", "Customers of the last month.",
    "What is unclear in the first week is known in the second.",
    "Answers a week", "answers", 3, 15, tags=("onboarding",), due_in=14,
    learnt={
        "summary": "34 mails, 17 answers; nine of them about the same page.",
        "went_well": "One question is answered where five were not.",
        "to_improve": "Ask on a Tuesday.",
        "kpi_actual": "17",
    },
    next_time="Send the next of these on a Tuesday",
)  # fmt: skip
_LATE = Story(
    "told-late", "Remind partners of papers that run out",
    "Each partner hears four weeks ahead which paper runs out, and what is needed.",
    "Draft a reminder for each paper that runs out in two months.",
    "Partners with a certificate or a contract that ends.", "No partner stops for a paper.",
    "Papers that ran out", "papers", 7, 1, tags=("partners",),
)  # fmt: skip
_AGEING = Story(
    "told-ageing", "Sum up what prospects ask before they sign",
    "Sales hears which questions come up before a contract, with the mails behind them.",
    "Read the mails before each contract of the quarter and name the questions.",
    "Sales and product.", "Answers stand on the page before they are asked.",
    "Questions answered on the page", "questions", 4, 12, tags=("sales",),
)  # fmt: skip
_FRESH = Story(
    "told-fresh", "Tell customers what their feedback changed",
    "Once a quarter each customer hears what of their feedback was built.",
    "Draft a mail to each customer whose wish was built.", "Customers who gave feedback.",
    "More of them answer the next time.", "Customers who give feedback", "customers", 80, 140,
    tags=("feedback",),
)  # fmt: skip
_TURNED_DOWN = Story(
    "told-rejected", "Write to everybody who ever had a trial",
    "Whoever had a trial in five years hears of the new version.",
    "Draft a mail to each of 4,100 people.", "Everybody who ever had a trial.",
    "Some of them come back.", "Trials begun again", "trials", 0, 40, tags=("outreach",),
)  # fmt: skip
_SENT_BACK = Story(
    "told-back", "Sort what partners send by what it is about",
    "Mails of partners reach whoever can answer them within the hour.",
    "Read each mail of the partners' box and draft a forward.", "Partner success.",
    "Partners wait an hour, not a day.", "Hours until the right person reads it", "hours", 26, 2,
    tags=("partners",),
)  # fmt: skip


@demo.step("missions.told", order=89)
def told(scene: demo.Scene) -> None:
    if Mission.objects.of(scene.workspace).filter(external_ref=_DONE.key).exists():
        return
    _done(scene)
    _reflected(scene)
    _late(scene)
    _ageing(scene)
    _fresh(scene)
    _turned_down(scene)
    _sent_back(scene)


def _prepared(scene: demo.Scene, story: Story, ago: timedelta) -> Walk:
    """Prepared so long ago; its intent was confirmed some hours before, after two of waiting."""
    with clock.set_back(ago + 5 * _HOURS):
        walk = Walk(scene, story)
        walk.define()
        walk.ask()
    with clock.set_back(ago + 3 * _HOURS):
        walk.sign("mo", "gv")
    with clock.set_back(ago):
        walk.prepare()
    return walk


def _run(scene: demo.Scene, story: Story, days: int, waited: float = 2) -> Walk:
    """Through four stages within a day, while its connection is fresh; begun so many days ago. Its
    plan waited so many hours to be signed."""
    begun = days * _DAYS
    walk = _prepared(scene, story, begun)
    with clock.set_back(begun):
        walk.ask()
    with clock.set_back(begun - 3 * _HOURS):
        walk.sign("mo", "gv", "ta", "oc")
    with clock.set_back(begun - 5 * _HOURS):
        walk.plan()
        walk.ask()
    signed = begun - (5 + waited) * _HOURS
    with clock.set_back(signed):
        walk.sign("gv", "oc")
    with clock.set_back(signed - 2 * _HOURS):
        walk.execute()
        walk.ask()
    with clock.set_back(signed - 5 * _HOURS):
        walk.sign("oc", "ta")
    return walk


def _done(scene: demo.Scene) -> None:
    walk = _run(scene, _DONE, 8)
    with clock.set_back(4 * _DAYS):
        walk.reflect()
        walk.ask()
    with clock.set_back(4 * _DAYS - 3 * _HOURS):
        walk.sign("mo", "kc", "ta")


def _reflected(scene: demo.Scene) -> None:
    """Its retrospective waits for two of three."""
    walk = _run(scene, _REFLECTED, 6, waited=6.5)
    with clock.set_back(1 * _HOURS):
        walk.reflect()
        walk.ask()
        walk.sign("mo")


def _late(scene: demo.Scene) -> None:
    """Its packet is past its time: one of two has signed."""
    walk = _prepared(scene, _LATE, 20 * _HOURS)
    with clock.set_back(20 * _HOURS):
        walk.ask()
    with clock.set_back(17 * _HOURS):
        walk.sign("mo", "gv", "ta", "oc")
    with clock.set_back(5.5 * _HOURS):
        walk.plan()
        walk.ask()
        walk.sign("gv")


def _ageing(scene: demo.Scene) -> None:
    walk = _prepared(scene, _AGEING, 2.8 * _HOURS)
    with clock.set_back(2.8 * _HOURS):
        walk.ask()
        walk.sign("mo")


def _fresh(scene: demo.Scene) -> None:
    with clock.set_back(timedelta(minutes=12)):
        walk = Walk(scene, _FRESH)
        walk.define()
        walk.ask()


def _turned_down(scene: demo.Scene) -> None:
    with clock.set_back(1 * _DAYS):
        walk = Walk(scene, _TURNED_DOWN)
        walk.define()
        walk.ask()
        walk.sign("mo")
        walk.answer(
            "gv", "rejected",
            "Who asked us to forget them is among the 4,100. Leave them out, then ask again.",
        )  # fmt: skip


def _sent_back(scene: demo.Scene) -> None:
    walk = _prepared(scene, _SENT_BACK, 2 * _DAYS)
    with clock.set_back(2 * _DAYS):
        walk.ask()
    with clock.set_back(2 * _DAYS - 2 * _HOURS):
        walk.sign("mo", "gv", "ta", "oc")
    with clock.set_back(20 * _HOURS):
        services.send_back(
            walk.row, actor=scene.actor("operations_command"), to="prepare",
            reason="Forwarding needs no right to write: ask for the narrower scope.",
        )  # fmt: skip
