"""Verbs of this package. Doors and other packages call these and nothing else."""

from controlplane.notify.services.answers import (
    link_by_token,
    perform,
    revoke_answers,
    why_over,
)
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
    who,
)
from controlplane.notify.services.dead_letters import replay
from controlplane.notify.services.inbox import archive, mark_read, put_back
from controlplane.notify.services.methods import (
    add_method,
    confirm_method,
    order_methods,
    remove_method,
    send_code,
)
from controlplane.notify.services.news import To, notify
from controlplane.notify.services.paging import page
from controlplane.notify.services.receipts import note_receipt
from controlplane.notify.services.replies import take_key, take_text
from controlplane.notify.services.trying import test_method
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
    "add_method",
    "archive",
    "change_channel",
    "change_contact",
    "clear_quiet_hours",
    "confirm_method",
    "create_channel",
    "link_by_token",
    "mark_read",
    "missing_contacts",
    "note_receipt",
    "notify",
    "order_methods",
    "page",
    "perform",
    "put_back",
    "remove_contact",
    "remove_method",
    "replay",
    "reset_wording",
    "revoke_answers",
    "send_code",
    "set_channel_active",
    "set_preference",
    "set_quiet_hours",
    "set_wording",
    "take_key",
    "take_text",
    "test_channel",
    "test_method",
    "verify_contact",
    "who",
    "why_over",
]
