"""Who belongs to a share: the same hash the public SDKs use, so that everybody who evaluates a
flag gives the same person the same answer.

A person's bucket, 1 to 100, depends on the rule's group and on the person alone. Growing the
percentage keeps who was in, for the comparison is all that changes.
"""

from __future__ import annotations

import random
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from typing import Any, NamedTuple

from mmh3 import hash as murmur3

from deployments.flags.engine.fields import Check, Context, Read, reader, text

VARIANT_SEED = 86028157
HEAVIEST = 1_000_000  # of one variant; the SDKs' own limit is a tenth of it

_user, _session = reader("userId"), reader("sessionId")


class Variant(NamedTuple):
    name: str
    payload: dict[str, Any] | None


Pick = Callable[[Context], Variant]


def hashed(spelled: str, seed: int = 0) -> int:
    """Murmur3 of the text as UTF-8. The module ends the whole process over half of a pair, which
    JSON can spell and UTF-8 can't: it gets text only where that can't be."""
    if spelled.isascii():
        return murmur3(spelled, seed, False)
    return murmur3(spelled.encode("utf-8", "surrogatepass"), seed, False)


def percentage(told: object) -> int:
    """A whole percentage, 0 for what is none."""
    spelled = text(told)
    if spelled is None or not (spelled.isascii() and spelled.isdigit()) or len(spelled) > 3:
        return 0
    return int(spelled) if int(spelled) <= 100 else 0


def sticky(name: object) -> Read | None:
    """The field whose value decides; None for chance."""
    if name in (None, "default"):
        return _anyone
    return reader(name) if isinstance(name, str) and name != "random" else None


def _anyone(context: Context) -> str | None:
    found = _user(context)
    return _session(context) if found is None else found


def share(group: str, percent: int, stickiness: object) -> Check:
    """Whether the context is among the first `percent` of a hundred."""
    if stickiness in (None, "default"):
        return _default_share(f"{group}:", percent)
    read = sticky(stickiness)
    if read is None:
        return lambda context: random.random() * 100 < percent  # noqa: S311
    return _field_share(read, f"{group}:", percent)


def _default_share(prefix: str, percent: int) -> Check:
    """By user, else by session: the usual share, so with as few calls as can be."""

    def within(context: Context) -> bool:
        value = context.get("userId")
        if value.__class__ is not str:
            value = _anyone(context)
            if value is None:
                return random.random() * 100 < percent  # noqa: S311
        spelled = prefix + value
        if spelled.isascii():  # see hashed()
            return murmur3(spelled, 0, False) % 100 < percent
        return hashed(spelled) % 100 < percent

    return within


def _field_share(read: Read, prefix: str, percent: int) -> Check:
    def within(context: Context) -> bool:
        value = read(context)
        return value is not None and hashed(prefix + value) % 100 < percent

    return within


# --- Variants -----------------------------------------------------------------------------------


def weighed(told: object) -> list[tuple[Variant, int]]:
    """The variants that have a name and a weight that is one."""
    found = []
    for given in told if isinstance(told, list | tuple) else ():
        if isinstance(given, Mapping) and isinstance(given.get("name"), str):
            payload = given.get("payload")
            variant = Variant(given["name"], payload if isinstance(payload, dict) else None)
            found.append((variant, _weight(given.get("weight"))))
    return found


def _weight(told: object) -> int:
    whole = isinstance(told, int) and not isinstance(told, bool)
    return told if isinstance(told, int) and whole and 0 <= told <= HEAVIEST else 0


def picker(told: object, group: str, stickiness: object) -> Pick | None:
    """Who gets which variant. None where there is nothing to give."""
    known = weighed(told)
    variants = [variant for variant, _ in known]
    bounds = list(accumulate(weight for _, weight in known))
    if not bounds or not bounds[-1]:
        return None
    total, prefix, read = bounds[-1], f"{group}:", sticky(stickiness)

    def pick(context: Context) -> Variant:
        value = read(context) if read else None
        if value is None:
            target = random.randint(1, total)  # noqa: S311
        else:
            target = hashed(prefix + value, VARIANT_SEED) % total + 1
        return variants[bisect_left(bounds, target)]

    return pick


def overridden(told: object) -> Sequence[tuple[Read, frozenset[str], Variant]]:
    """Fields whose value names the variant before any weight does."""
    found = []
    for given in told if isinstance(told, list | tuple) else ():
        named = isinstance(given, Mapping) and isinstance(given.get("name"), str)
        overrides = given.get("overrides") if named else None
        payload = given.get("payload") if named else None
        for rule in overrides if isinstance(overrides, list | tuple) else ():
            if isinstance(rule, Mapping) and isinstance(rule.get("contextName"), str):
                values = rule.get("values")
                spelled = frozenset(
                    one
                    for value in (values if isinstance(values, list | tuple) else ())
                    if (one := text(value)) is not None
                )
                variant = Variant(given["name"], payload if isinstance(payload, dict) else None)
                found.append((reader(rule["contextName"]), spelled, variant))
    return found
