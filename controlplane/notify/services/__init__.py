"""Verbs of this package. Doors and other packages call these and nothing else."""

from controlplane.notify.services.channels import (
    change_channel,
    create_channel,
    set_channel_active,
    test_channel,
)
from controlplane.notify.services.contacts import (
    add_contact,
    change_contact,
    missing_contacts,
    remove_contact,
    verify_contact,
)
from controlplane.notify.services.dead_letters import replay
from controlplane.notify.services.inbox import archive, mark_read, put_back
from controlplane.notify.services.news import To, notify
from controlplane.notify.services.wishes import (
    clear_quiet_hours,
    reset_wording,
    set_preference,
    set_quiet_hours,
    set_wording,
)

__all__ = [
    "To",
    "add_contact",
    "archive",
    "change_channel",
    "change_contact",
    "clear_quiet_hours",
    "create_channel",
    "mark_read",
    "missing_contacts",
    "notify",
    "put_back",
    "remove_contact",
    "replay",
    "reset_wording",
    "set_channel_active",
    "set_preference",
    "set_quiet_hours",
    "set_wording",
    "test_channel",
    "verify_contact",
]
