"""What the support desk hands to the packages below: words of the log, what is kept."""

from __future__ import annotations

from controlplane.audit import words
from controlplane.base.personal import nothing
from controlplane.base.retention import keep_always
from incidents.support import around_console, calling, duties, sync  # noqa: F401 - duties are known

nothing(
    "support.hours",
    "incidents.supportchannel",
    "incidents.holiday",
    why="hours and days; whoever wrote a day stands there by an opaque ref",
)
nothing(
    "support.knowledge",
    "incidents.supportdoor",
    "incidents.cannedreply",
    "incidents.article",
    "incidents.articleversion",
    "incidents.ticketrating",
    why="texts of the desk, without secrets; whoever wrote them stands there by an opaque ref, and"
    " a judgement belongs to its ticket",
)
keep_always(
    "support.knowledge",
    "incidents.supportdoor",
    "incidents.cannedreply",
    "incidents.article",
    "incidents.articleversion",
    "incidents.ticketrating",
    why="the same questions come again for years",
)
keep_always(
    "support.hours",
    "incidents.supportchannel",
    "incidents.holiday",
    why="which promises held when: a clock that was missed is explained by them",
)


def register() -> None:
    around_console.register()
    sync.register()
    calling.register()
    words.define(
        "support",
        {
            "hours": "change/changed the hours of support",
            "hours:holiday": "change/changed the holidays of support",
            "door": "change/changed the public page of support",
            "door:add": "make/made the public page of support",
            "write": "write/wrote for the knowledge base",
            "write:on": "bring/brought a canned reply back",
            "write:off": "put/put a canned reply away",
            "write:published": "publish/published the article",
            "write:archived": "put/put the article away",
            "write:draft": "take/took the article back",
            "hours:import": "take/took holidays from a calendar",
        },
    )
