"""Words that people may send back by text message.

    replies.register("status", tell_status, help="what is open now")

Words of `answers` need no entry here: they are known from the links that stand open. What is
registered here is heard from anybody whose number is proven, whatever stands open.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from controlplane.access.models import User
from controlplane.lib.actors import Actor
from controlplane.notify.models import Channel


@dataclass(frozen=True, slots=True)
class Said:
    """One message of one person."""

    word: str
    rest: str  # what stood behind the word
    person: User
    actor: Actor
    channel: Channel

    @property
    def workspace_id(self) -> int:
        return self.channel.workspace_id


# Does what was asked, in the transaction that keeps the reply, and answers in a sentence.
Handler = Callable[[Said], str]


@dataclass(frozen=True, slots=True)
class Word:
    word: str
    handler: Handler
    help: str = ""


WORDS: dict[str, Word] = {}


def register(word: str, handler: Handler, *, help: str = "") -> None:
    word = word.lower()
    known = WORDS.get(word)
    if known is not None and known.handler is not handler:
        raise ValueError(f"the reply {word} is registered twice")
    WORDS[word] = Word(word, handler, help)
