"""E-mail through the configured SMTP server (the console in a demo)."""

from __future__ import annotations

import hashlib
import smtplib
from typing import ClassVar

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import EmailMultiAlternatives
from django.core.validators import validate_email
from django.template.loader import render_to_string

from controlplane.lib.errors import Invalid
from controlplane.notify.channels.base import Message, Outcome

# A wrong password or sender is a fault of the set-up, which somebody mends: it says nothing
# about this mail, and must not bury every mail of the minutes until then at its first try.
_OURS = (
    smtplib.SMTPAuthenticationError,
    smtplib.SMTPConnectError,
    smtplib.SMTPHeloError,
    smtplib.SMTPSenderRefused,
)


class Email:
    slug: ClassVar[str] = "email"
    target_label: ClassVar[str] = "Address"
    key_label: ClassVar[str] = ""

    def check(self, target: str, secret: str) -> None:
        try:
            validate_email(target)
        except ValidationError as error:
            raise Invalid(
                "Not an e-mail address.", details={"target": "Not an e-mail address."}
            ) from error

    def send(self, target: str, secret: str, message: Message) -> Outcome:
        mail = _compose(target, message)
        try:
            mail.send(fail_silently=False)
        except smtplib.SMTPRecipientsRefused as error:
            codes = [code for code, _ in error.recipients.values()]
            return _refused(min(codes, default=0))
        except _OURS as error:
            return Outcome("retry", f"{type(error).__name__}: SMTP {error.smtp_code}")
        except smtplib.SMTPResponseException as error:
            return _refused(error.smtp_code)
        except (OSError, smtplib.SMTPException) as error:
            return Outcome("retry", f"{type(error).__name__}: {error}"[:300])
        return Outcome(
            "accepted", "handed to the mail server", provider_id=_message_id(message, target)
        )


def _refused(code: int) -> Outcome:
    """5xx means never; 4xx means later. Of several recipients the mildest answer counts."""
    if code >= 500:
        return Outcome("rejected", f"SMTP {code}", code)
    return Outcome("retry", f"SMTP {code}", code or None)


def _message_id(message: Message, target: str) -> str:
    """The same for every try, so that a mail server or reader can drop a repeat."""
    return message.message_id or _id(message.key, target)


def _id(*parts: str) -> str:
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]
    domain = settings.PUBLIC_URL.split("://", 1)[-1].split("/", 1)[0].split(":", 1)[0]
    return f"<{digest}@{domain or 'localhost'}>"


def _compose(target: str, message: Message) -> EmailMultiAlternatives:
    # Django refuses header injection; a subject is one line whatever it was made of.
    subject = " ".join(message.subject.split())
    prefix = "[critical] " if message.urgency == "critical" else ""
    mail = EmailMultiAlternatives(
        subject=prefix + subject,
        body=_plain(message),
        to=[target],
        headers=_headers(target, message),
    )
    mail.attach_alternative(
        render_to_string("notify/mail.html", {"message": message, "title": subject}), "text/html"
    )
    return mail


def _plain(message: Message) -> str:
    lines = [message.body] if message.body else []
    lines += [f"{button.label}: {button.url}" for button in message.buttons]
    if message.link:
        lines.append(message.link)
    if not message.message_id:  # a letter of a conversation ends as letters do
        lines.append(f"-- \nWorkspace {message.workspace} · {message.kind}")
    return "\n\n".join(lines)


def _headers(target: str, message: Message) -> dict[str, str]:
    headers = {
        "Message-ID": _message_id(message, target),
        "Auto-Submitted": "auto-generated",
        "X-Idempotency-Key": message.key,
    }
    if message.thread:
        # Nobody gets this first message: readers put together what names the same one.
        first = _id("thread", message.workspace, message.thread, target)
        headers |= {"In-Reply-To": first, "References": first}
    if message.references:
        headers |= {
            "In-Reply-To": message.references[-1],
            "References": " ".join(message.references),
        }
    if message.reply_to:
        headers["Reply-To"] = message.reply_to
    if message.urgency == "critical":
        # Each mail program listens to another of these.
        headers |= {"Importance": "high", "X-Priority": "1 (Highest)", "Priority": "urgent"}
    elif message.wishes:
        headers["List-Unsubscribe"] = f"<{message.wishes}>"
    return headers
