"""API doors: one's inbox and wishes, the contact book, channels, dead letters."""

from __future__ import annotations

from django.urls import path

from controlplane.notify.api import channels, contacts, inbox, outbox

urlpatterns = [
    path("v1/inbox", inbox.InboxView.as_view()),
    path("v1/inbox/read", inbox.InboxReadView.as_view()),
    path("v1/inbox/archive", inbox.InboxArchiveView.as_view()),
    path("v1/inbox/put-back", inbox.InboxPutBackView.as_view()),
    path("v1/preferences", inbox.PreferencesView.as_view()),
    path("v1/contacts", contacts.ContactsView.as_view()),
    path("v1/contacts/missing", contacts.MissingContactsView.as_view()),
    path("v1/contacts/<uuid:uid>", contacts.ContactView.as_view()),
    path("v1/channels", channels.ChannelsView.as_view()),
    path("v1/channels/<uuid:uid>", channels.ChannelView.as_view()),
    path("v1/channels/<uuid:uid>/test", channels.ChannelTestView.as_view()),
    path("v1/outbox", outbox.OutboxView.as_view()),
    path("v1/outbox/<uuid:uid>/replay", outbox.ReplayView.as_view()),
    path("v1/notifications", outbox.NotificationsView.as_view()),
    path("v1/notifications/<uuid:uid>/deliveries", outbox.DeliveriesView.as_view()),
]
