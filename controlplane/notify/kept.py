"""What notifications hold about people, and how long they are kept."""

from __future__ import annotations

from controlplane.base.data_rules import Person, Reach
from controlplane.base.personal import erase_rows, holds, nothing, rows_of
from controlplane.base.retention import keep_always, keep_rows
from controlplane.lib.actors import Actor
from controlplane.notify.services.contacts import forget_contacts
from controlplane.notify.services.methods import forget


def forget_ways(person: Person, actor: Actor) -> int:
    return forget(person.user_id)


def forget_book(person: Person, actor: Actor) -> int:
    return forget_contacts(person.user_id)


holds(
    "notify.contacts",
    "notify.contact",
    "how one is reached: e-mail, phone, handle",
    rows_of(
        "notify.contact",
        "user",
        "workspace__slug",
        "purpose",
        "name",
        "email",
        "phone",
        "handle",
        "coverage",
        "notes",
    ),
    erase=forget_book,
)
holds(
    "notify.inbox",
    "notify.inboxitem",
    "news addressed to one",
    rows_of("notify.inboxitem", "user", "notification__subject", "created_at", "read_at"),
    erase=erase_rows("notify.inboxitem", "user"),
)
holds(
    "notify.deliveries",
    "notify.delivery",
    "which news was sent to one, how, and with what result",
    rows_of("notify.delivery", "user", "notification__subject", "method", "state", "created_at"),
    "proof that a page left: kept for its year, without the address",
)
holds(
    "notify.preferences",
    "notify.preference",
    "which news one wants",
    rows_of("notify.preference", "user", "kind", "method", "wanted"),
    erase=erase_rows("notify.preference", "user"),
)
holds(
    "notify.quiet_hours",
    "notify.quiethours",
    "when one wants quiet",
    rows_of("notify.quiethours", "user", "starts", "ends", "weekends"),
    erase=erase_rows("notify.quiethours", "user"),
)
holds(
    "notify.methods",
    "notify.contactmethod",
    "numbers and addresses at which one is reached",
    rows_of(
        "notify.contactmethod",
        "user",
        "kind",
        "target",
        "label",
        "is_active",
        "verified_at",
        "created_at",
    ),
    "that there was such a way, since deliveries name it; without number and address",
    erase=forget_ways,
)
holds(
    "notify.answer_links",
    "notify.answerlink",
    "what one was asked, and when one answered by a link",
    rows_of("notify.answerlink", "person", "subject", "verbs", "created_at", "used_at"),
    erase=erase_rows("notify.answerlink", "person"),
)
holds(
    "notify.replies",
    "notify.reply",
    "text messages one sent, and what was said back",
    rows_of("notify.reply", "person", "sender", "text", "answer", "at"),
    erase=erase_rows("notify.reply", "person"),
)
nothing("notify.channels", "notify.channel", why="names of channels; targets are rooms, not people")

keep_rows(
    "notify.outbox",
    "notify.outboxmessage",
    "finished_at",
    days=30,
    what="messages that were sent",
    why="sent messages; dead ones stay until somebody looks",
    reach=Reach(workspace="workspace_id", about="subject"),
    state__in=("done", "cancelled"),
)
keep_rows(
    "notify.notifications",
    "notify.notification",
    "created_at",
    days=365,
    what="notifications and their deliveries",
    why="the delivery ledger, with deliveries, tries and inbox lines, for the year of audits",
    reach=Reach(workspace="workspace_id", person="deliveries__user_id", about="about"),
)
keep_rows(
    "notify.replies",
    "notify.reply",
    "at",
    days=365,
    what="answers by text message and telephone",
    why="what people answered by text message and telephone, for the year of audits",
    reach=Reach(
        workspace="workspace_id", person="person_id", about="delivery__notification__about"
    ),
)
keep_always(
    "notify.ledger",
    "notify.delivery",
    "notify.deliveryattempt",
    "notify.inboxitem",
    "notify.answerlink",
    why="they go with their notification",
)
keep_always(
    "notify.setup",
    "notify.channel",
    "notify.messagetemplate",
    "notify.contact",
    "notify.contactmethod",
    why="what is set up now",
)
