"""Who a ticket falls to."""

from __future__ import annotations

from controlplane.access.models import User, Workspace
from controlplane.notify.services import who
from controlplane.oncall.duty import on_duty
from incidents.models import Ticket

# Who works on what kind of trouble, when somebody is there for it.
ROLES: dict[str, str] = {
    "infrastructure": "sre_liaison",
    "database": "database_lead",
    "security": "security_lead",
    "deployment": "release_manager",
    "migration": "database_lead",
    "integration": "sre_liaison",
}


def there(workspace: Workspace, role: str) -> User | None:
    """Whoever is on duty as this role; else the first who is there for it."""
    for duty in on_duty(role, workspace=workspace):
        return duty.person
    people = who(workspace, role).people
    return people[0] if people else None


def responsible(row: Ticket) -> User | None:
    role = ROLES.get(row.category, "")
    return there(row.workspace, role) if role else None


def is_here(person: User, workspace_id: int) -> bool:
    return bool(person.memberships.filter(workspace=workspace_id, left_at=None).exists())
