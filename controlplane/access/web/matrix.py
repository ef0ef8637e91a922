"""The roles × actions matrix: the permission table as it is asked, printed.

By family of roles, since 34 columns at once can't be read; or one role as a list, which is also
how it reads on a phone.
"""

from __future__ import annotations

from itertools import groupby
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from controlplane.access import policy
from controlplane.access.models import Agent, Grant, Workspace
from controlplane.access.web import listing
from controlplane.access.web.common import console, show
from controlplane.base.web import actor_of, workspace_of
from controlplane.lib.actors import Actor

HOLDERS = 6  # named beside a role; the list of members has them all
_FAMILIES = {
    "administration": "Administration",
    "mission": "Mission roles",
    "operations": "Operations roles",
    "agent": "Agent roles",
}
_ONLY = (("mine", "What I may do"), ("by_key", "What a key may carry"), ("ruled", "With a rule"))


@console
@require_safe
def matrix(request: HttpRequest) -> HttpResponse:
    """`?family=` chooses the columns, `?role=` one role, `?q=` and `?only=` the rows."""
    actor = actor_of(request)
    policy.require(actor, "workspace.view")
    workspace = workspace_of(request)
    role = listing.choice(request, "role", policy.ROLES)
    family = policy.ROLES[role][1] if role else _family(request)
    only = listing.menu(request, "only", "Show", _ONLY)
    words = listing.words(request)
    mine = _my_roles(actor, workspace)
    columns = [
        {"slug": slug, "label": label, "mine": slug in mine, "url": _role_url(request, slug)}
        for slug, (label, of) in policy.ROLES.items()
        if of == family
    ]
    slugs = [role] if role else [str(column["slug"]) for column in columns]
    rows = [_row(name, slugs, mine, _everything(actor, workspace)) for name in policy.ACTIONS]
    rows = [row for row in rows if _wanted(row, words, only["value"])]
    context = {
        "title": policy.ROLES[role][0] if role else "Roles and actions",
        "families": [
            (slug, label, listing.query(request, family=slug, role=None), slug == family)
            for slug, label in _FAMILIES.items()
        ],
        "family": family,
        "family_label": _FAMILIES[family],
        "role": role,
        "holds_role": role in mine,
        "all_roles_url": listing.query(request, role=None, family=family),
        "columns": _with_holders(columns, actor, workspace),
        "areas": _by_area(rows),
        "granted": _by_area([row for row in rows if any(row["held"])]),
        "refused": [row for row in rows if not any(row["held"])],
        "filters": [only],
        "kept": {"family": family, "role": role},
        "q": words,
        "without_q": listing.query(request, q=None),
        "total": len(rows),
        "workspace": workspace,
    }
    return show(request, "role.html" if role else "matrix.html", context)


def _family(request: HttpRequest) -> str:
    return listing.choice(request, "family", _FAMILIES, "administration") or "administration"


def _role_url(request: HttpRequest, slug: str) -> str:
    return listing.query(request, role=slug, family=None)


def _my_roles(actor: Actor, workspace: Workspace | None) -> frozenset[str]:
    if workspace is not None:
        return actor.roles_in(workspace.pk)
    return frozenset().union(*actor.roles.values()) if actor.roles else frozenset()


def _everything(actor: Actor, workspace: Workspace | None) -> bool:
    """A superuser behind an open break-glass may do what any role may."""
    return workspace is not None and workspace.pk in actor.break_glass


def _row(name: str, slugs: list[str], mine: frozenset[str], everything: bool) -> dict[str, Any]:
    entry = policy.ACTIONS[name]
    return {
        "name": name,
        "area": name.split(".", maxsplit=1)[0],
        "label": entry.label,
        "by_key": entry.by_key,
        "held": [slug in entry.roles for slug in slugs],
        "mine": everything or bool(mine & entry.roles),
        "rules": [check.__name__.replace("_", " ") for check in policy.RULES.get(name, ())],
    }


def _wanted(row: dict[str, Any], words: str, only: str) -> bool:
    text = f"{row['name']} {row['label']}".lower()
    if not all(word in text for word in words.lower().split()):
        return False
    kept = {"mine": row["mine"], "by_key": row["by_key"], "ruled": bool(row["rules"])}
    return bool(kept.get(only, True))


def _by_area(rows: list[dict[str, Any]]) -> list[tuple[str, list[dict[str, Any]]]]:
    """An area may be defined in several places of the table: here it is one."""
    ordered = sorted(rows, key=lambda row: str(row["area"]))
    return [
        (area.replace("_", " "), list(of)) for area, of in groupby(ordered, lambda row: row["area"])
    ]


def _with_holders(
    columns: list[dict[str, Any]], actor: Actor, workspace: Workspace | None
) -> list[dict[str, Any]]:
    """Who holds each role in this workspace: people by their grants, agents by their one role."""
    slugs = [column["slug"] for column in columns]
    held: dict[str, list[Any]] = {}
    counts: dict[str, int] = {}
    for slug, who, count in _holders(slugs, actor, workspace):
        held.setdefault(slug, []).append(who)
        counts[slug] = count
    return [
        {
            **column,
            "holders": held.get(column["slug"], []),
            "held_by": counts.get(column["slug"], 0),
            "more": counts.get(column["slug"], 0) - len(held.get(column["slug"], [])),
        }
        for column in columns
    ]


def _holders(
    slugs: list[str], actor: Actor, workspace: Workspace | None
) -> list[tuple[str, Any, int]]:
    if workspace is None:
        return []
    if policy.AGENTS.intersection(slugs):
        if not policy.can(actor, "agent.view", workspace):
            return []
        agents = Agent.objects.visible_to(actor).filter(workspace=workspace, role__in=slugs)
        first: Any = agents.first_holders(HOLDERS)  # `held_by` is counted beside each
        return [(row.role, row, row.held_by) for row in first]
    if not policy.can(actor, "member.view", workspace):
        return []
    grants = Grant.objects.visible_to(actor).held().filter(membership__workspace=workspace)
    people = grants.filter(role__in=slugs).select_related("membership__user")
    first = people.first_holders(HOLDERS)
    return [(row.role, row.membership.user, row.held_by) for row in first]
