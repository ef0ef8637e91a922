"""What people can do about a message from the message itself, without signing in.

    answers.register("incident.acknowledge", label="Acknowledge", act=acknowledge,
                     words=("ack", "a"), digit="4", over=why_not_any_more)
    news.page(…, respond=answers.Respond(subject=ref, verbs=["incident.acknowledge"]))

Each message then carries one link for each verb, a word to send back and a key to press. All of
them end in the verb's `act`, as the person the message was for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.urls import reverse

from controlplane.lib import defaults, marked
from controlplane.lib.actors import Actor
from controlplane.notify.channels import Button
from controlplane.notify.models import AnswerLink

LASTS = defaults.define(
    "notify.answer_link_hours",
    24,
    unit="hours",
    why="Longer than any page should stand open; whoever owns it ends it sooner.",
)
# Does it, as this actor, and says in a sentence what was done. May raise any of `lib.errors`.
Act = Callable[[AnswerLink, Actor], str]
# Why there is nothing to do any more, or "".
Over = Callable[[AnswerLink], str]


@dataclass(frozen=True, slots=True)
class Verb:
    name: str
    label: str
    act: Act
    words: tuple[str, ...] = ()
    digit: str = ""
    over: Over | None = None
    # Actions that somebody of the contact book gets leave for, for this one subject and as long
    # as the link holds; none: it is not offered to them.
    leave: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Respond:
    """What may be answered to a message: to what, and how. The first verb is the big button."""

    subject: str  # audit ref
    verbs: Sequence[str]
    lasts: timedelta | None = None


VERBS: dict[str, Verb] = {}


def register(
    name: str,
    *,
    label: str,
    act: Act,
    words: Sequence[str] = (),
    digit: str = "",
    over: Over | None = None,
    leave: Sequence[str] = (),
) -> Verb:
    lower = tuple(word.lower() for word in words)
    verb = Verb(name, label, act, lower, digit, over, tuple(leave))
    known = VERBS.get(name)
    if known is not None and known.act is not act:
        raise ValueError(f"the answer {name} is registered twice")
    VERBS[name] = verb
    return verb


def verbs_of(link: AnswerLink) -> list[Verb]:
    """In their order. One that this release does not know any more is left out."""
    return [VERBS[name] for name in link.verbs if name in VERBS]


def for_contacts(names: Sequence[str]) -> list[str]:
    """Of these answers those that somebody without an account may give."""
    return [name for name in names if name in VERBS and VERBS[name].leave]


def purpose(verb: str) -> str:
    """A link made to acknowledge can't be turned into one that resolves."""
    return f"notify.answer:{verb}"


def url_of(link: AnswerLink, verb: str) -> str:
    token = marked.token_of(purpose(verb), link.uid)
    return settings.PUBLIC_URL + reverse("notify:answer", args=(verb, token))


def buttons(link: AnswerLink) -> tuple[Button, ...]:
    return tuple(
        Button(
            verb=verb.name,
            label=verb.label,
            url=url_of(link, verb.name),
            word=verb.words[0] if verb.words else "",
            digit=verb.digit,
        )
        for verb in verbs_of(link)
    )
