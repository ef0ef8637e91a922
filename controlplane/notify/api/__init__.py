"""API doors: one's inbox, wishes and ways to be reached, contacts, channels, dead letters."""

from __future__ import annotations

from django.urls import path

from controlplane.notify.api import channels, contacts, gateways, inbox, methods, outbox

GATEWAY = "v1/gateways/<uuid:uid>"
urlpatterns = [
    path("v1/inbox", inbox.InboxView.as_view()),
    path("v1/inbox/read", inbox.InboxReadView.as_view()),
    path("v1/inbox/archive", inbox.InboxArchiveView.as_view()),
    path("v1/inbox/put-back", inbox.InboxPutBackView.as_view()),
    path("v1/preferences", inbox.PreferencesView.as_view()),
    path("v1/contacts", contacts.ContactsView.as_view()),
    path("v1/contacts/missing", contacts.MissingContactsView.as_view()),
    path("v1/contacts/who/<slug:purpose>", contacts.WhoView.as_view()),
    path("v1/contacts/<uuid:uid>", contacts.ContactView.as_view()),
    path("v1/me/methods", methods.MethodsView.as_view()),
    path("v1/me/methods/order", methods.MethodOrderView.as_view()),
    path("v1/me/methods/<uuid:uid>", methods.MethodView.as_view()),
    path("v1/me/methods/<uuid:uid>/code", methods.MethodCodeView.as_view()),
    path("v1/me/methods/<uuid:uid>/confirm", methods.MethodConfirmView.as_view()),
    path("v1/me/methods/<uuid:uid>/test", methods.MethodTestView.as_view()),
    path("v1/channels", channels.ChannelsView.as_view()),
    path("v1/channels/<uuid:uid>", channels.ChannelView.as_view()),
    path("v1/channels/<uuid:uid>/test", channels.ChannelTestView.as_view()),
    path("v1/outbox", outbox.OutboxView.as_view()),
    path("v1/outbox/<uuid:uid>/replay", outbox.ReplayView.as_view()),
    path("v1/notifications", outbox.NotificationsView.as_view()),
    path("v1/notifications/<uuid:uid>/deliveries", outbox.DeliveriesView.as_view()),
    path(f"{GATEWAY}/receipts/<uuid:delivery>", gateways.receipt, name="api-gateway-receipt"),
    path(f"{GATEWAY}/keys/<uuid:delivery>", gateways.keys, name="api-gateway-keys"),
    path(f"{GATEWAY}/inbound", gateways.inbound, name="api-gateway-inbound"),
]
