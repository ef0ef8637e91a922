"""Work from the graph: the coordinator keeps some ready, the others claim it, say how it goes, and
close it."""

from __future__ import annotations

from typing import Any

from controlplane.demo_agents.crew import Crew, Told, act
from controlplane.demo_agents.planning import Turn

LABEL = "agents"
READY = 4  # items kept waiting at least
WORKERS = ("evidence", "executor", "inspector", "validator")
# What there is to do, what is said on the way, and with what it is closed.
TASKS: tuple[tuple[str, str, str], ...] = (
    ("Check the links of the newest evidence bundle", "14 of 14 links answer.",
     "Every link answers."),
    ("Count contacts that were imported twice", "Compared by mail, then by phone and name.",
     "38 pairs, listed in the sheet of the week."),
    ("Renew connections that end this week", "Two of five are renewed; three need nobody.",
     "All five hold until next month."),
    ("Sort yesterday's answers by what they are about", "61 mails, nine themes so far.",
     "Sorted; the three largest are in the weekly note."),
    ("Compare the plan's cost with what was called", "Calls and tokens of the last run are read.",
     "4 % under the plan."),
    ("Look for drafts that nobody sent", "Folders of six people are read.",
     "Seven drafts are older than a week; their owners know."),
    ("Try the way back of the newest play on ten records", "Ten records changed, ten brought back.",
     "The way back works, in 41 seconds."),
    ("Read the mailbox' limits before tonight's run", "The provider names 250 a minute.",
     "The run asks at most 30 a minute."),
)  # fmt: skip
CLOSING = {title: (on_the_way, end) for title, on_the_way, end in TASKS}
OTHERWISE = ("Looked through; nothing stands out.", "Done, and looked at once more.")


@act
def queue(crew: Crew, turn: Turn) -> Told:
    """The coordinator puts something into the queue when it runs dry."""
    portal = crew.hands["coordinator"]
    ready = portal.get(f"work/ready?labels={LABEL}&limit={READY}")["items"]
    if len(ready) >= READY:
        return "coordinator", f"leaves the queue as it is: {len(ready)} items are ready"
    title = turn.rng.choice(TASKS)[0]
    made = portal.post("work/ensure", {
        "key": f"demo-agents {crew.mine(turn)}", "title": title, "labels": [LABEL, "ops"],
        "priority": turn.rng.choice((2, 3)),
    })  # fmt: skip
    return "coordinator", f"puts {made['item']['key']} into the queue: {title}"


@act
def work(crew: Crew, turn: Turn) -> Told:
    """One of them goes on with what it has, or claims what is ready."""
    role = turn.rng.choice(WORKERS)
    portal = crew.hands[role]
    mine = portal.get(f"work/items?mine=true&status=in_progress&labels={LABEL}&limit=1")["items"]
    if mine:
        return role, _go_on(crew, turn, role, mine[0])
    item = portal.post("work/ready/claim", {"labels": [LABEL]})["item"]
    if item is None:
        return role, "finds nothing ready"
    return role, f"claims {item['key']}: {item['title']}"


def _go_on(crew: Crew, turn: Turn, role: str, item: dict[str, Any]) -> str:
    portal, path = crew.hands[role], f"work/items/{item['key']}"
    on_the_way, end = CLOSING.get(item["title"], OTHERWISE)
    said = [row["text"] for row in portal.get(f"{path}/comments?limit=50")["items"]]
    if on_the_way not in said and turn.rng.random() < 0.8:
        portal.post(f"{path}/comments", {"text": on_the_way})
        return f"writes on {item['key']}: {on_the_way}"
    portal.post(f"{path}/close", {"reason": end})
    return f"closes {item['key']}: {end}"
