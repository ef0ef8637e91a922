"""Proving the whole log: chain, signatures, roots, rows, and what anchors outside remember.

The leaf is computed here in a query of our own, never by a function of the database, because a
forger who owns the database could replace that. One row per seal crosses the wire (its leaves in
one piece); only a seal that fails is looked at row by row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from django.db import connections, transaction

from controlplane.audit import chain
from controlplane.audit.sealing import keys, microseconds

# The columns of form 1, in the order the trigger of migration 0002 hashes them.
LEAF = (
    "sha256(convert_to(json_build_array("
    "e.form, e.id, e.uid, (extract(epoch FROM e.at) * 1000000)::bigint,"
    " e.workspace_id, e.actor_kind, e.actor_ref, e.actor_label, e.action,"
    " e.subject_type, e.subject_ref, e.subject_label, e.outcome, e.reason, e.rule,"
    " e.before, e.after, e.details, e.source, e.request_id, e.correlation_id,"
    " e.address)::text, 'UTF8'))"
)
# Bounded by the batch's first and last id, so that each batch reads its own stretch of the index
# whatever the planner believes: joined by id, it may read the log from its start for every batch.
# A deleted row makes the leaves too few, which is found as any other difference.
_BATCH = f"""
SELECT s.n, s.kind, s.at, s.ids, s.count, s.leaves, s.root, s.prev, s.hash, s.key_id, s.sig,
       rows.stored, rows.intact
FROM audit_auditseal s
LEFT JOIN LATERAL (
    SELECT string_agg(e.leaf, ''::bytea ORDER BY e.id) AS stored,
           bool_and(e.leaf = {LEAF}) AS intact
    FROM audit_auditevent e
    WHERE e.id >= lower(s.ids) AND e.id < upper(s.ids) AND s.ids @> e.id
      AND s.kind = 'batch' AND s.n > %s
) rows ON true
WHERE s.n > %s ORDER BY s.n LIMIT %s
"""  # noqa: S608
_ROWS = f"SELECT e.id, e.leaf, {LEAF}, e.workspace_id FROM audit_auditevent e WHERE e.id = ANY(%s)"  # noqa: S608
# Rows that neither a seal nor the waiting list knows: put in behind the triggers' back.
_STRAYS = """
SELECT e.id, e.workspace_id FROM audit_auditevent e
WHERE NOT EXISTS (SELECT FROM audit_auditpending p WHERE p.event_id = e.id)
  AND NOT EXISTS (
    SELECT FROM (SELECT generate_series(lower(part), upper(part) - 1) AS id
                 FROM audit_auditseal s, unnest(s.ids) part WHERE s.kind = 'batch') sealed
    WHERE sealed.id = e.id)
ORDER BY e.id LIMIT %s
"""
_PENDING = f"""
SELECT p.event_id, e.leaf, {LEAF}, e.workspace_id FROM audit_auditpending p
LEFT JOIN audit_auditevent e ON e.id = p.event_id
WHERE e.id IS NULL OR e.leaf <> {LEAF} ORDER BY p.event_id LIMIT %s
"""  # noqa: S608
SEALS_AT_ONCE = 50
MOST = 100  # findings told; the first is what matters


@dataclass(frozen=True, slots=True)
class Finding:
    kind: str  # altered | deleted | inserted | reordered | seal_altered | seal_deleted | ...
    message: str
    seal: int | None = None
    event: int | None = None
    workspace_id: int | None = None


@dataclass
class Proof:
    events: int = 0
    seals: int = 0
    pending: int = 0
    pruned: int = 0
    findings: list[Finding] = field(default_factory=list)
    newest_seal: int = 0
    newest_hash: str = ""

    @property
    def sound(self) -> bool:
        return not self.findings

    def add(self, found: Finding) -> None:
        if len(self.findings) < MOST:
            self.findings.append(found)


class Cursor(Protocol):
    """Django's, or psycopg's own: a restored database is proved on a plain connection."""

    def execute(self, query: Any, params: Any = ..., /) -> Any: ...
    def fetchone(self) -> Any: ...
    def fetchall(self) -> list[Any]: ...


def verify(
    *,
    expected: Mapping[int, str] | None = None,
    using: str = "default",
    progress: Callable[[int], None] | None = None,
) -> Proof:
    """Prove everything, in one snapshot: writers and the sealer go on meanwhile.

    `expected` is what anchors outside the database remember: seal number to hash.
    """
    with transaction.atomic(using=using), connections[using].cursor() as cursor:
        if not connections[using].savepoint_ids:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        return prove(cursor, expected=expected, progress=progress)


def prove(
    cursor: Cursor,
    *,
    expected: Mapping[int, str] | None = None,
    progress: Callable[[int], None] | None = None,
) -> Proof:
    """The proof itself; the caller has opened a transaction."""
    proof = Proof()
    # A proof of millions of rows is not a request: the usual time limits don't fit it.
    cursor.execute("SET LOCAL statement_timeout = 0")
    proof.pruned, pruned_seal = _pruned(cursor)
    _walk_chain(cursor, proof, pruned_seal, progress)
    _compare_anchors(proof, expected or {}, _hashes(cursor, expected or {}))
    _look_for_strays(cursor, proof)
    return proof


def _pruned(cursor: Cursor) -> tuple[int, int]:
    """How many events were removed by sealed prunes, and the newest seal they emptied."""
    cursor.execute(
        "SELECT coalesce(sum(count), 0), (SELECT max(b.n) FROM audit_auditseal b"
        " WHERE b.kind = 'batch' AND EXISTS (SELECT FROM audit_auditseal p"
        " WHERE p.kind = 'prune' AND b.ids <@ p.ids))"
        " FROM audit_auditseal WHERE kind = 'prune'"
    )
    count, seal = cursor.fetchone()
    return int(count), int(seal or 0)


@dataclass(slots=True)
class _Seal:
    link: chain.Link
    leaves: bytes
    hash: bytes
    key_id: str
    sig: bytes
    stored: bytes
    intact: bool


def _seals(cursor: Cursor, pruned_seal: int) -> Iterator[_Seal]:
    last = 0
    while True:
        cursor.execute(_BATCH, [pruned_seal, last, SEALS_AT_ONCE])
        rows = cursor.fetchall()
        if not rows:
            return
        for row in rows:
            yield _seal(row)
        last = rows[-1][0]


def _seal(row: tuple[Any, ...]) -> _Seal:
    n, kind, at, ids, count, leaves, root, prev, hash_, key_id, sig, stored, intact = row
    runs = [(part.lower, part.upper - 1) for part in ids]
    link = chain.Link(n, kind, microseconds(at), runs, count, bytes(root), bytes(prev))
    return _Seal(
        link, bytes(leaves), bytes(hash_), key_id, bytes(sig), bytes(stored or b""), bool(intact)
    )


def _walk_chain(
    cursor: Cursor, proof: Proof, pruned_seal: int, progress: Callable[[int], None] | None
) -> None:
    known = keys()
    previous, number = chain.ZERO, 0
    for seal in _seals(cursor, pruned_seal):
        number += 1
        if seal.link.n != number:
            missing = f"{number}" if seal.link.n == number + 1 else f"{number} to {seal.link.n - 1}"
            proof.add(Finding("seal_deleted", f"seal {missing} is missing", seal=number))
            number, previous = seal.link.n, seal.link.prev
        _check_link(proof, seal, previous, known)
        if seal.link.kind == "batch" and seal.link.n > pruned_seal:
            _check_rows(cursor, proof, seal)
            proof.events += seal.link.count
        previous = seal.hash
        proof.seals += 1
        if progress is not None:
            progress(proof.events)
    proof.newest_seal, proof.newest_hash = number, previous.hex()


def _check_link(proof: Proof, seal: _Seal, previous: bytes, known: Mapping[str, bytes]) -> None:
    n = seal.link.n
    if seal.link.prev != previous:
        proof.add(Finding("seal_reordered", f"seal {n} does not follow seal {n - 1}", seal=n))
    sound = seal.link.hash() == seal.hash
    if seal.link.kind == "batch":
        sound = sound and chain.merkle_root(chain.split(seal.leaves)) == seal.link.root
        sound = sound and len(seal.leaves) == 32 * seal.link.count
    if not sound:
        proof.add(Finding("seal_altered", f"seal {n} is not what its hash says", seal=n))
    key = known.get(seal.key_id)
    if key is None:
        proof.add(Finding("seal_unknown_key", f"seal {n} is signed with an unknown key", seal=n))
    elif not chain.signed(key, seal.hash, seal.sig):
        proof.add(Finding("seal_forged", f"seal {n} has a wrong signature", seal=n))


def _check_rows(cursor: Cursor, proof: Proof, seal: _Seal) -> None:
    if seal.intact and seal.stored == seal.leaves:
        return
    sealed = dict(zip(chain.expand(seal.link.ids), chain.split(seal.leaves), strict=False))
    cursor.execute(_ROWS, [list(sealed)])
    rows = {row[0]: (bytes(row[1]), bytes(row[2]), row[3]) for row in cursor.fetchall()}
    for event, leaf in sealed.items():
        found = _judge(event, leaf, rows.get(event), set(sealed.values()))
        if found:
            kind, message, workspace_id = found
            proof.add(Finding(kind, message, seal.link.n, event, workspace_id))


def _judge(
    event: int, sealed: bytes, row: tuple[bytes, bytes, int | None] | None, batch: set[bytes]
) -> tuple[str, str, int | None] | None:
    if row is None:
        return "deleted", f"event {event} was deleted", None
    stored, computed, workspace_id = row
    if sealed == chain.ZERO:
        return "inserted", f"event {event} was put in after it was sealed as missing", workspace_id
    if stored == computed == sealed:
        return None
    if stored != sealed and stored in batch:
        return "reordered", f"event {event} holds another event of its batch", workspace_id
    how = "and its leaf computed anew" if stored == computed else "after it was written"
    return "altered", f"event {event} was altered {how}", workspace_id


def _hashes(cursor: Cursor, expected: Mapping[int, str]) -> dict[int, str]:
    if not expected:
        return {}
    cursor.execute("SELECT n, hash FROM audit_auditseal WHERE n = ANY(%s)", [list(expected)])
    return {row[0]: bytes(row[1]).hex() for row in cursor.fetchall()}


def _compare_anchors(proof: Proof, expected: Mapping[int, str], actual: Mapping[int, str]) -> None:
    for n in sorted(expected):
        if n > proof.newest_seal:
            proof.add(
                Finding(
                    "tail_cut",
                    f"the log ends at seal {proof.newest_seal}, but seal {max(expected)} was"
                    " carried outside: the newest events were cut off",
                    seal=n,
                )
            )
            return
        if n in actual and actual[n] != expected[n]:
            proof.add(Finding("rewritten", f"seal {n} is not the one carried outside", seal=n))
            return


def _look_for_strays(cursor: Cursor, proof: Proof) -> None:
    cursor.execute(_STRAYS, [MOST])
    for event, workspace_id in cursor.fetchall():
        message = f"event {event} was put in without passing the log's door"
        proof.add(Finding("inserted", message, None, event, workspace_id))
    cursor.execute(_PENDING, [MOST])
    for event, leaf, _, workspace_id in cursor.fetchall():
        kind = "deleted" if leaf is None else "altered"
        proof.add(
            Finding(
                kind, f"event {event} was {kind} before it was sealed", None, event, workspace_id
            )
        )
    cursor.execute("SELECT count(*) FROM audit_auditpending")
    proof.pending = int(cursor.fetchone()[0])
    proof.events += proof.pending
