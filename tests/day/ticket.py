"""Somebody outside asks for help; it is more than a question. The ticket goes on as an incident,
which is mended, and who asked hears of it on the page behind their link."""

from __future__ import annotations

from incidents.models import Incident, Ticket
from tests.day.town import Town

ASKED = {
    "subject": "Nobody here can sign in", "body": "It says no since noon, to all of us.",
    "category": "access", "name": "Ann", "email": "ann@example.com",
}  # fmt: skip
MENDED = "Sessions are given out again."


def becomes_an_incident(town: Town) -> None:
    town.sits("workspace_admin").post(
        "support-pages", slug="day-help", title="We help", is_open=True
    )
    page = _asks(town)
    ticket = Ticket.objects.get(workspace=town.workspace)
    at, desk = f"tickets/{ticket.ref}", town.sits("primary_operator")
    desk.post(f"{at}/acknowledge")
    told = desk.post(f"{at}/triage", priority="p1", category="access", blocking=True)
    assert told["priority"] == "p1"
    told = desk.post(f"{at}/escalate", reason="It is everybody of theirs.")
    ref = told["incident"]
    again = desk.post(f"{at}/escalate", reason="Twice.")
    assert (again["incident"], told["status"]) == (ref, "escalated")

    _mended(town, ref)
    told = desk.post(f"{at}/resolve", resolution=MENDED, tell=True)
    assert told["status"] == "resolved"
    town.browser.open(page)
    assert MENDED in town.browser.text("main")
    desk.post(f"{at}/close")
    assert desk.get(at)["status"] == "closed"


def _asks(town: Town) -> str:
    """In a browser in which nobody is signed in; the page that it leads to."""
    known = town.browser
    known.driver.delete_all_cookies()
    known.open("/support/day-help/")
    town.fill(**ASKED)
    known.find("main form button:not([name=look])").click()
    known.until(lambda: known.path.startswith("/support/t/"), lambda: known.text())
    assert "It has arrived" in known.text()
    return known.path.partition("?")[0]


def _mended(town: Town, ref: str) -> None:
    at, by = f"incidents/{ref}", town.sits("primary_operator")
    row = Incident.objects.get(ref=ref)
    assert row.origin == Incident.Origin.TICKET
    by.post(f"{at}/acknowledge")
    by.post(
        f"{at}/triage", impact_percent=20, symptoms="Nobody of theirs gets in.",
        started_at=row.opened_at.isoformat(),
    )  # fmt: skip
    if by.get(at)["status"] == "triaged":
        by.post(f"{at}/mitigate", reason="Work on it begins.")
    by.post(f"{at}/mitigated", how="The session store is up again.")
    by.post(f"{at}/watch")
    for check in by.get(f"{at}/checks")["items"]:
        if check["required"] and check["slug"] != "customers":
            by.post(f"{at}/checks", slug=check["slug"], outcome="ok", note="Looked at.")
    lead = town.sits("engineering_lead")
    lead.post(f"{at}/updates", text="You can sign in again.", audience="customers")
    over = by.post(f"{at}/resolve", reason="It is quiet.", root_cause="The store was full.")
    assert over["status"] == "resolved"
