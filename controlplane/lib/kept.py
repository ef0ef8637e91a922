"""Questions whose text is written once.

Django writes a statement anew each time it is asked, and for a page that asks thirty of them that
is most of its cost. What changes between two times is the moment and a few values:

    OPEN = Question(lambda mission: Finding.objects.open().filter(mission_id=mission))
    OPEN.rows(mission.pk)                # as list(...) of that queryset, at this moment

    ask(lambda mission: Finding.objects.filter(mission_id=mission), mission.pk)
    of(mission, "findings", lambda rows: rows.open())       # as of mission.findings
    count(lambda run: RunStep.objects.filter(run=run), run.pk)

    WAITING = ForReader(lambda actor, workspace_id: _waiting(actor, workspace_id)[:SHOWN])
    WAITING.rows(actor, workspace_id)    # one text for all who hold the same roles

    seen(actor, lambda actor, item: Comment.objects.visible_to(actor).filter(item=item), item.pk)

**It proves itself.** The text is written twice, at two moments and for two sets of values that
nobody has. Where both texts are the same and each parameter is a constant, one of the values, or
the moment (or a day) with the same distance, it is kept, and otherwise written anew each time as
ever. A function that asks the database while it writes is never kept. What it must not do is take
another way for another value, as with `if value > 7:`; None and lists of other lengths are told
apart.
"""

from __future__ import annotations

import copy
import itertools
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from threading import Lock
from typing import Any, Generic, TypeVar, cast
from uuid import UUID

from django.core.exceptions import EmptyResultSet, FullResultSet, ValidationError
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import Count, Model, QuerySet, Value, prefetch_related_objects

from controlplane.lib import clock, defaults
from controlplane.lib.actors import Actor

M = TypeVar("M")
Build = Callable[..., QuerySet[Any, Any]]

MOST = 2_500  # texts that a process keeps, some ten kilobytes each: those last asked for
# Two moments that nobody means. They differ in everything; and one begins a day, the other ends
# one, so that what is a day of some zone is not taken for one of UTC.
_MOMENTS = (
    datetime(2001, 2, 3, 0, 0, 6, 789_012, UTC),
    datetime(2007, 9, 11, 23, 59, 49, 234_567, UTC),
)
_KINDS: dict[type, Callable[[int, int], Any]] = {
    int: lambda round_, place: 1_871_000_023 + 1_000 * round_ + place,
    # With what is written otherwise where a pattern is looked for.
    str: lambda round_, place: f"kept_%\\{round_}-{place};",
    UUID: lambda round_, place: UUID(int=(0xC0DE << 64) + 1_000 * round_ + place),
    datetime: lambda round_, place: datetime(1990 + round_, 3, 4, 5, 6, 7 + place, tzinfo=UTC),
}


class _Unkept(Exception):
    """It depends on more than is known."""


class Question(Generic[M]):
    """Of a function of values."""

    def __init__(self, build: Build) -> None:
        self.build = build
        self.number = next(_numbers)

    def rows(self, *values: Any) -> list[M]:
        kept = _kept(self.number, self.build, values)
        return list(self.build(*values)) if kept is None else kept.rows(values)

    def first(self, *values: Any) -> M | None:
        """Where it asks for one row at most."""
        return next(iter(self.rows(*values)), None)


def ask(build: Callable[..., QuerySet[Any, M]], *values: Any) -> list[M]:
    """A question where it is needed: of a function that sees nothing but its values."""
    kept = _kept(_name_of(build), build, values)
    return list(cast("Iterable[M]", build(*values))) if kept is None else kept.rows(values)


def count(build: Build, *values: Any) -> int:
    """How many rows it has."""

    def counted(*stand_ins: Any) -> Any:
        rows: Any = build(*stand_ins).order_by().values(_one=Value(1))
        return rows.annotate(_many=Count("pk")).values_list("_many", flat=True)

    kept = _kept(("count", _name_of(build)), counted, values)
    if kept is None:
        return build(*values).count()
    return sum(kept.rows(values))


def padded(values: Iterable[M]) -> list[M]:
    """For a list of any length: as long as the next power of two, by its last value said again, or
    there would be a text for each length."""
    found = list(values)
    if found:
        found += found[-1:] * ((1 << (len(found) - 1).bit_length()) - len(found))
    return found


def of(parent: Model, name: str, build: Callable[[Any], QuerySet[Any, M]]) -> list[M]:
    """Rows of another row, by the name under which it has them; they know it."""
    if name in getattr(parent, "_prefetched_objects_cache", ()):
        return list(cast("Iterable[M]", build(getattr(parent, name))))

    def written(pk: Any) -> QuerySet[Any, M]:
        stand_in = copy.copy(parent)
        stand_in.pk = pk
        return build(getattr(stand_in, name))

    kept = _kept((_name_of(build), type(parent), name), written, (parent.pk,))
    if kept is None:
        return list(cast("Iterable[M]", build(getattr(parent, name))))
    return kept.rows((parent.pk,), parent)


def _name_of(build: Build) -> Hashable:
    """Where it is written: a lambda is made anew each time."""
    if build.__closure__ is not None:
        raise TypeError("a question sees nothing but its values")
    return build.__module__, build.__code__


class ForReader(Generic[M]):
    """Of a function of an actor and a workspace: what somebody sees of it."""

    def __init__(self, build: Callable[[Actor, int | None], QuerySet[Any, M]]) -> None:
        self.build = build
        self.number = next(_numbers)

    def rows(self, actor: Actor, workspace_id: int | None) -> list[M]:
        kept, values = self._look_up(actor, workspace_id)
        if kept is None:
            return list(cast("Iterable[M]", self.build(actor, workspace_id)))
        return kept.rows(values)

    def text(self, actor: Actor, workspace_id: int | None) -> tuple[str, Sequence[Any]]:
        """The statement and its parameters, to be part of another one."""
        kept, values = self._look_up(actor, workspace_id)
        if kept is None:
            return self.build(actor, workspace_id).query.sql_with_params()
        return kept.text, kept.parameters(values)

    def _look_up(
        self, actor: Actor, workspace_id: int | None
    ) -> tuple[_Kept | None, Sequence[Any]]:
        key = (self.number, workspace_id)
        return _for_reader(key, lambda like: self.build(like, workspace_id), actor)


def seen(actor: Actor, build: Callable[..., QuerySet[Any, M]], *values: Any) -> list[M]:
    """What somebody sees of it, of a function of the actor and of these values alone."""
    kept, known = _for_reader(_name_of(build), build, actor, values)
    return list(cast("Iterable[M]", build(actor, *values))) if kept is None else kept.rows(known)


def seen_by(
    actor: Actor, named: Hashable, build: Callable[..., QuerySet[Any, M]], *values: Any
) -> list[M]:
    """What somebody sees, by a function that is made anew each time: `named` is all it sees
    besides the actor and these values."""
    kept, known = _for_reader(("seen", named), build, actor, values)
    return list(cast("Iterable[M]", build(actor, *values))) if kept is None else kept.rows(known)


def _for_reader(
    key: Hashable,
    build: Callable[..., QuerySet[Any, Any]],
    actor: Actor,
    given: Sequence[Any] = (),
) -> tuple[_Kept | None, Sequence[Any]]:
    roles = frozenset(actor.roles.items())
    whole = (
        *(key, actor.kind, roles, actor.scopes, actor.superuser, actor.break_glass),
        actor.contact_id,
    )
    # What stands for everybody of these roles proves nothing of any one of them.
    nobody = replace(actor, session_id="", second_factor_at=None, key_id=None, claims={})

    def written(
        user: int | None, agent: int | None, ref: str, label: str, *stand_ins: Any
    ) -> QuerySet[Any, Any]:
        like = replace(nobody, user_id=user, agent_id=agent, ref=ref, label=label)
        return build(like, *stand_ins)

    values = (actor.user_id, actor.agent_id, actor.ref, actor.label, *given)
    return _kept(whole, written, values), values


_numbers = itertools.count()
_texts: OrderedDict[Hashable, _Kept | None] = OrderedDict()
_guard = Lock()


def forget() -> None:
    _texts.clear()


def _kept(of: Hashable, build: Build, values: Sequence[Any]) -> _Kept | None:
    key = (of, defaults.overrides(), tuple([_kind(each) for each in values]))
    with _guard:
        if key in _texts:
            _texts.move_to_end(key)
            return _texts[key]
    found = _write(build, values)
    with _guard:
        _texts[key] = found
        if len(_texts) > MOST:
            _texts.popitem(last=False)
    return found


def _kind(value: Any) -> Hashable:
    """What stands for another value of its kind may be; a list for one of its length."""
    if isinstance(value, (list, tuple)):
        return len(value), *map(_kind, value)
    kind: type = type(value)
    return kind if kind in _KINDS else (kind, value)


# --- Writing --------------------------------------------------------------------------------------


def _write(build: Build, values: Sequence[Any]) -> _Kept | None:
    try:
        first, second = (_written(build, values, round_) for round_ in (0, 1))
        if first[1] != second[1] or len(first[2]) != len(second[2]):
            return None
        places = [
            _place(pair, [_flat(stand_ins) for stand_ins in (first[3], second[3])])
            for pair in zip(first[2], second[2], strict=True)
        ]
    except (_Unkept, ValidationError, TypeError, ValueError):
        return None  # what stands for the values need be no value of that column
    return _Kept(first[0], first[4], first[1], places)


def _written(build: Build, values: Sequence[Any], round_: int) -> tuple[Any, ...]:
    """The queryset, its text, the parameters, what stood for the values, the compiler."""
    stand_ins = [_stand_in(value, round_, place) for place, value in enumerate(values)]
    connection = connections[DEFAULT_DB_ALIAS]
    with clock.standing_at(_MOMENTS[round_]), connection.execute_wrapper(_nothing_is_asked):
        rows: Any = build(*stand_ins)
        compiler = rows.query.get_compiler(using=DEFAULT_DB_ALIAS)
        try:
            text, parameters = compiler.as_sql()
        except (EmptyResultSet, FullResultSet):
            raise _Unkept from None
    if rows.query.select_for_update or not text:
        raise _Unkept
    return rows, text, list(parameters), stand_ins, compiler


def _nothing_is_asked(*_: Any) -> Any:
    raise _Unkept


def _stand_in(value: Any, round_: int, place: int) -> Any:
    if isinstance(value, (list, tuple)):
        return [_stand_in(each, round_, 100 * place + n + 10) for n, each in enumerate(value)]
    make = _KINDS.get(type(value))
    return make(round_, place) if make else value


def _flat(values: Sequence[Any]) -> list[Any]:
    found: list[Any] = []
    for value in values:
        found.extend(_flat(value) if isinstance(value, (list, tuple)) else [value])
    return found


Place = Callable[[Sequence[Any], datetime], Any]


def _place(pair: tuple[Any, Any], stand_ins: Sequence[Sequence[Any]]) -> Place | tuple[Any]:
    """Where a parameter comes from; alone in a tuple if it is always the same."""
    one, other = pair
    if type(one) is not type(other):
        raise _Unkept
    if isinstance(one, list):
        return _places_of(one, other, stand_ins)
    for number, known in enumerate(zip(*stand_ins, strict=True)):
        if one != other and (found := _is_value(pair, known, number)):
            return found
    if isinstance(one, datetime):
        ahead = one - _MOMENTS[0]
        if other - _MOMENTS[1] == ahead:
            return lambda _values, now: now + ahead
    elif isinstance(one, date):
        days = one - _MOMENTS[0].date()
        if other - _MOMENTS[1].date() == days:
            return lambda _values, now: now.date() + days
    if one != other:
        raise _Unkept
    return (one,)


def _is_value(pair: tuple[Any, Any], known: tuple[Any, Any], number: int) -> Place | None:
    (one, other), (mine, others) = pair, known
    kind = type(one)
    if one == mine and other == others and isinstance(one, type(mine)):
        if kind is type(mine):
            return lambda values, _: values[number]
        return lambda values, _: kind(values[number])  # a driver's number of so many bytes
    if not isinstance(one, str) or not isinstance(mine, str):
        return None
    for way in (str, _as_pattern):
        before, found, after = one.partition(way(mine))
        if found and other == f"{before}{way(others)}{after}":
            return lambda values, _: f"{before}{way(values[number])}{after}"
    return None


def _as_pattern(text: str) -> str:
    return str(connections[DEFAULT_DB_ALIAS].ops.prep_for_like_query(text))


def _places_of(
    one: list[Any], other: list[Any], stand_ins: Sequence[Sequence[Any]]
) -> Place | tuple[Any]:
    if len(one) != len(other):
        raise _Unkept
    found = [_place(pair, stand_ins) for pair in zip(one, other, strict=True)]
    if all(isinstance(each, tuple) for each in found):
        return (one,)
    return lambda values, now: [
        each[0] if isinstance(each, tuple) else each(values, now) for each in found
    ]


# --- Asking ---------------------------------------------------------------------------------------


class _Kept:
    def __init__(
        self, asked: Any, compiler: Any, text: str, places: Sequence[Place | tuple[Any]]
    ) -> None:
        self.compiler, self.text = compiler, text
        self.constant = [each[0] if isinstance(each, tuple) else None for each in places]
        self.places = [(n, each) for n, each in enumerate(places) if not isinstance(each, tuple)]
        self.iterable, self.model, self.query = asked._iterable_class, asked.model, asked.query
        self.fields, self.prefetched = asked._fields, asked._prefetch_related_lookups
        self.known = list(asked._known_related_objects)  # fields that lead to what has the rows

    def parameters(self, values: Sequence[Any]) -> list[Any]:
        found = self.constant.copy()
        flat, now = _flat(values), clock.now()
        for number, place in self.places:
            found[number] = place(flat, now)
        return found

    def rows(self, values: Sequence[Any], parent: Model | None = None) -> list[Any]:
        parameters = self.parameters(values)
        connection = connections[DEFAULT_DB_ALIAS]
        compiler = copy.copy(self.compiler)
        compiler.connection = connection
        compiler.as_sql = lambda *_, **__: (self.text, parameters)
        found = list(self.iterable(_Asked(self, compiler, parent)))
        if self.prefetched and found:
            prefetch_related_objects(found, *self.prefetched)
        return found


class _Asked:
    """What Django's readers of rows want of a queryset and its query, with a text that stands."""

    db = DEFAULT_DB_ALIAS
    _hints: Mapping[str, Model] = {}

    def __init__(self, kept: _Kept, compiler: Any, parent: Model | None) -> None:
        known = {} if parent is None else {parent.pk: parent}
        self._known_related_objects = dict.fromkeys(kept.known, known)
        self.model, self._fields, self.query = kept.model, kept.fields, self
        self._of, self._compiler = kept.query, compiler

    def get_compiler(self, *_: Any, **__: Any) -> Any:
        return self._compiler

    def __getattr__(self, name: str) -> Any:
        return getattr(self._of, name)
