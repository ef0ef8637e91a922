"""Around the demo's support desk: its hours in the zone of its people, days off, what it says again
and again, and the page where anybody asks."""

from __future__ import annotations

from datetime import date, timedelta

from controlplane.base import demo
from controlplane.lib import clock
from incidents.models import Holiday
from incidents.support import articles, canned, doors, hours

# (month, day, what it is, open in spite of it)
OFF = (
    (1, 1, "New Year's Day", ""), (5, 1, "Labour Day", ""),
    (12, 24, "The day before", "09:00-12:00"), (12, 25, "Christmas Day", ""),
    (12, 26, "The day after", ""),
)  # fmt: skip


# (title, audience, category, text)
WRITTEN = (
    ("When signing in fails", "public", "access",
     "1. Ask for a new password on the sign-in page.\n2. Look whether the clock of your phone is"
     " right: codes of the second factor go by it.\n3. After ten attempts an account rests for a"
     " quarter of an hour.\n\nIf it still fails, ask us and say since when."),
    ("How long an answer takes", "public", "question",
     "Somebody acknowledges every ticket within **15 minutes** of our hours.\n\n"
     "| Priority | Answer | Updates |\n|---|---|---|\n| P0 | at once | every 30 minutes |\n"
     "| P1 | 15 minutes | every 30 minutes |\n| P2 | 4 hours | every hour |"),
    ("Who may raise a rate limit", "internal", "integration",
     "The partner is asked for more quota with the template of the contact book. Name the toolkit"
     " and the hour in which it was refused."),
)  # fmt: skip
SAID = (
    ("We have seen it", "seen", "",
     "Hello {name},\n\nthank you for {ref}. We are looking at it, and write again by"
     " {next_update}.\n\n{me}"),
    ("We need to know more", "more", "",
     "Hello {name},\n\nto find out what happens with “{subject}” we need: since when, in which"
     " workspace, and what the page said. You can answer at {link}.\n\n{me}"),
    ("A new password", "password", "access",
     "Hello {name},\n\nplease ask for a new password on the sign-in page. If no mail comes within"
     " five minutes, tell us here.\n\n{me}"),
)  # fmt: skip


@demo.step("support.around", order=97)
def around(scene: demo.Scene) -> None:
    if Holiday.objects.filter(workspace=scene.workspace).exists():
        return
    actor = scene.actor("workspace_admin")
    hours.save_channel(
        scene.workspace, "support", actor=actor, address="#support", time_zone="Europe/Berlin",
        hours=["mon-fri 06:00-22:00"],
    )  # fmt: skip
    hours.save_channel(scene.workspace, "operator", actor=actor, address="#mission-ops")
    today = clock.now().date()
    days = [
        (date(year, month, day), title, open_)
        for year in (today.year, today.year + 1)
        for month, day, title, open_ in OFF
    ]
    for day, title, open_ in days:
        if day >= today and day - today < timedelta(days=366):
            hours.add_holiday(scene.workspace, day, actor=actor, title=title, hours=open_)
    _said(scene)


def _said(scene: demo.Scene) -> None:
    place, actor = scene.workspace, scene.actor("workspace_admin")
    for title, audience, category, text in WRITTEN:
        row = articles.create_article(
            place, actor=actor, title=title, text=text, audience=audience, category=category
        )
        articles.publish_article(row, actor=actor)
    articles.create_article(
        place, actor=actor, title="What a release changes for you", audience="public", text="…"
    )
    for title, shortcut, category, body in SAID:
        canned.create_reply(
            place, actor=actor, title=title, shortcut=shortcut, category=category, body=body
        )
    doors.create_door(
        place, actor=actor, title="Help with Northwind agents", is_open=True,
        intro="Ask us here. You get a page of your own that shows how it stands.",
    )  # fmt: skip
