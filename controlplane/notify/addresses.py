"""Where a delivery goes when it is sent, and why it can go there no more: its target may have left
while it waited."""

from __future__ import annotations

from controlplane.notify.models import Delivery, Method


def no_longer(delivery: Delivery) -> str:
    method = delivery.contact_method
    if delivery.channel is not None and not delivery.channel.is_active:
        return "the channel was switched off"
    if delivery.user is not None and not delivery.user.is_active:
        return "the account was deactivated"
    if method is not None and not method.is_active:
        return "its owner removed this way"
    if method is not None and not method.is_verified:
        return "nobody has proven this way"
    return _not_in_book(delivery)


def _not_in_book(delivery: Delivery) -> str:
    contact = delivery.contact
    if contact is None:
        return ""
    if not contact.is_active:
        return "they were taken out of the contact book"
    if delivery.method == Method.EMAIL:
        return "" if contact.email else "the contact book has no address of theirs any more"
    return "" if contact.number else "the contact book has no number of theirs that can be dialled"


def mail_address(delivery: Delivery) -> str:
    if delivery.contact is not None:
        return str(delivery.contact.email)
    if delivery.contact_method is not None:
        return delivery.contact_method.address
    return delivery.user.email if delivery.user is not None else ""
