"""What operators owe support regularly, and who has to be reachable for it by name."""

from __future__ import annotations

from controlplane.jobs import obligations
from controlplane.notify.services.contacts import require_contact

obligations.register(
    "support.daily",
    title="Go through the operator's daily checklist",
    owner_role="primary_operator",
    cadence="daily",
    evidence="Deployments of today and who watches them; dashboards looked at; boards and open"
    " tickets brought up to date.",
    why="What went wrong overnight, and what nobody watches today, is noticed before users notice.",
)
obligations.register(
    "support.records",
    title="Write up the week: documentation and notes of retrospectives",
    owner_role="secondary_operator",
    cadence="weekly",
    evidence="Links of the pages that were written or corrected, and of the notes.",
    why="What a week has taught is written down while those who lived it still know it.",
)
obligations.register(
    "support.roster",
    title="Say that the roster and the contacts are right",
    owner_role="sre_liaison",
    cadence="monthly",
    evidence="The roster of the next four weeks without a gap, and contacts that were tried.",
    why="A page to somebody who left, or to an old number, reaches nobody.",
)
for _purpose, _label in (
    ("primary_operator", "Primary operator"),
    ("release_manager", "Release manager"),
    ("sre_liaison", "SRE liaison"),
    ("docs_lead", "Docs lead"),
    ("cto", "CTO"),
    ("head_of_product", "Head of product"),
):
    require_contact(_purpose, _label)
