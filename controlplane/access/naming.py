"""What people are called, of the refs that rows keep of them and of whoever acts: what is read by
people names people, not keys or the addresses they sign in with."""

from __future__ import annotations

from collections.abc import Iterable

from controlplane.access.models import User
from controlplane.lib.actors import Actor


def names_of(refs: Iterable[str]) -> dict[str, str]:
    """By their refs ("user:3"). Who left the portal altogether stays a ref."""
    keys = {int(ref[5:]): ref for ref in refs if ref.startswith("user:") and ref[5:].isdecimal()}
    return {keys[user.pk]: user.name or user.email for user in User.objects.filter(pk__in=keys)}


def name_of(actor: Actor) -> str:
    """A person's name; of anybody else, what they are called in the log."""
    return names_of([actor.ref]).get(actor.ref, actor.label)
