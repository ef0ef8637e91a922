"""The verbs of threads."""

from missions.threads.services.common import find
from missions.threads.services.creating import (
    add_participant,
    change_thread,
    create_thread,
    remove_participant,
)
from missions.threads.services.inboxes import read_inbox
from missions.threads.services.posting import Posted, post_message
from missions.threads.services.reading import Acked, Page, ack_read, read_messages
from missions.threads.services.sessions import (
    agent_of,
    answer_wakes,
    deregister_runtime,
    heartbeat,
    hold_for_typing,
    register_runtime,
)
from missions.threads.services.summarising import summarize_thread
from missions.threads.services.walking import update_status

__all__ = [
    "Acked",
    "Page",
    "Posted",
    "ack_read",
    "add_participant",
    "agent_of",
    "answer_wakes",
    "change_thread",
    "create_thread",
    "deregister_runtime",
    "find",
    "heartbeat",
    "hold_for_typing",
    "post_message",
    "read_inbox",
    "read_messages",
    "register_runtime",
    "remove_participant",
    "summarize_thread",
    "update_status",
]
