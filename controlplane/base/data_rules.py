"""Rules about data that apps hand over: how long rows are kept, what they hold about people, what
is redacted, and what the public may read. Filled in `apps.py` like the other registries."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from controlplane.base.registries import Registry
from controlplane.lib.actors import Actor


@dataclass(frozen=True, slots=True)
class Reach:
    """How a legal hold gets to rows of a class: lookups from a row to its workspace's key, to the
    person it is about, to the audit ref of what it is about, and, by the prefix of a record's ref,
    to that record's ref. Where no row names a workspace, `workspace` is empty, and only a hold on
    the whole installation keeps all of them. `carries` are classes whose rows go with these: what
    keeps one of them keeps these as well."""

    workspace: str = ""
    person: str = ""
    about: str = ""
    refs: Mapping[str, str] = field(default_factory=dict)
    carries: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RetentionClass:
    """How long rows are kept. `delete(cutoff, limit)` removes up to `limit` rows older than the
    cut-off and answers how many; `count(cutoff)` says how many there are, for the dry run. Both
    leave out what a legal hold keeps (`base.holds.spared`); `held(cutoff)` counts that.

    `keep` None means kept without end, and `why` says so. `minimum` is what law or the playbook
    forbids to go below, whatever the environment says. `what` names its rows in words that people
    say; whatever has an end is chosen and shown by them.
    """

    slug: str
    models: tuple[str, ...]
    keep: timedelta | None
    why: str
    minimum: timedelta = timedelta(0)
    what: str = ""
    delete: Callable[[datetime, int], int] | None = None
    count: Callable[[datetime], int] | None = None
    reach: Reach = field(default_factory=Reach)
    held: Callable[[datetime], int] | None = None

    def __post_init__(self) -> None:
        if self.keep is not None and not self.what:
            raise ValueError(f"retention class {self.slug}: say in words what it is about")


@dataclass(frozen=True, slots=True)
class Person:
    """Whose data it is. The e-mail finds rows that name people without a key."""

    user_id: int
    email: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class PersonalData:
    """Where a model holds something about people, how to hand it out, how to erase it.

    Without `export` or `erase`, `keeps` must say why: what the law wants kept, or what another
    entry's erasure takes along.
    """

    slug: str
    models: tuple[str, ...]
    what: str
    export: Callable[[Person], Sequence[Mapping[str, Any]]] | None = None
    erase: Callable[[Person, Actor], int] | None = None
    keeps: str = ""

    def __post_init__(self) -> None:
        if (self.export is None or self.erase is None) and not self.keeps:
            raise ValueError(f"personal data {self.slug}: say why it is kept")


@dataclass(frozen=True, slots=True)
class RedactedField:
    """A field that redaction replaces by its name, whatever it holds."""

    slug: str
    kind: str


@dataclass(frozen=True, slots=True)
class SanitisingRule:
    """What leaves the portal for the public (status page, partners) passes these."""

    slug: str
    title: str
    clean: Callable[[str], str]


retention: Registry[RetentionClass] = Registry("retention")
personal_data: Registry[PersonalData] = Registry("personal_data")
redacted_fields: Registry[RedactedField] = Registry("redacted_fields")
sanitising: Registry[SanitisingRule] = Registry("sanitising")


def kind_of_data(slug: str) -> str:
    """A retention class in words. Records outlive the class that they are about."""
    entry = retention.get(slug)
    return slug if entry is None else entry.what or slug
