"""The arithmetic of the chain: Merkle root, link hash, signature. Pure.

A leaf is the SHA-256 of a JSON array, whose text begins with "[". Inner nodes are hashed with a
leading 0x01, so no inner node can pass for a leaf.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

Ranges = Sequence[tuple[int, int]]
ZERO = bytes(32)  # before the first link; and the leaf of a row that vanished before it was sealed


def merkle_root(leaves: Sequence[bytes]) -> bytes:
    """Root of a binary tree over the leaves in order; an odd last node moves up as it is."""
    if not leaves:
        return ZERO
    level = list(leaves)
    sha256 = hashlib.sha256
    while len(level) > 1:
        pairs = len(level) // 2 * 2
        above = [sha256(b"\x01" + level[i] + level[i + 1]).digest() for i in range(0, pairs, 2)]
        level = above + level[pairs:]
    return level[0]


def split(leaves: bytes) -> list[bytes]:
    return [leaves[i : i + 32] for i in range(0, len(leaves), 32)]


def ranges(ids: Iterable[int]) -> list[tuple[int, int]]:
    """Sorted ids as (first, last) runs, both included."""
    found: list[tuple[int, int]] = []
    for each in ids:
        if found and each == found[-1][1] + 1:
            found[-1] = (found[-1][0], each)
        else:
            found.append((each, each))
    return found


def expand(runs: Ranges) -> list[int]:
    return [each for first, last in runs for each in range(first, last + 1)]


@dataclass(frozen=True, slots=True)
class Link:
    """What a seal says, and so what its hash covers."""

    n: int
    kind: str
    at_us: int  # microseconds since 1970
    ids: Ranges
    count: int
    root: bytes
    prev: bytes

    def hash(self) -> bytes:
        runs = ",".join(f"{first}-{last}" for first, last in self.ids)
        text = f"{self.n}|{self.kind}|{self.at_us}|{self.count}|{runs}"
        return hashlib.sha256(b"\x02" + self.prev + self.root + text.encode()).digest()


def key_id(key: bytes) -> str:
    """Names a key without telling anything of it."""
    return hashlib.sha256(b"audit-seal-key-id" + key).hexdigest()[:16]


def sign(key: bytes, link_hash: bytes) -> bytes:
    return hmac.new(key, link_hash, hashlib.sha256).digest()


def signed(key: bytes, link_hash: bytes, sig: bytes) -> bool:
    return hmac.compare_digest(sign(key, link_hash), sig)
