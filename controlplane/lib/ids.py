"""Time-ordered public identifiers, made here: PostgreSQL has `uuidv7()` only from 18."""

from __future__ import annotations

import os
import time
import uuid


def uuid7() -> uuid.UUID:
    """A version 7 UUID: 48 bits of milliseconds, then 74 random bits.

    74 random bits keep ids unguessable; the leading time keeps B-tree inserts at the right edge.
    """
    milliseconds = time.time_ns() // 1_000_000
    tail = int.from_bytes(os.urandom(10), "big")
    value = (milliseconds & 0xFFFF_FFFF_FFFF) << 80
    value |= 0x7 << 76
    value |= ((tail >> 62) & 0xFFF) << 64
    value |= 0b10 << 62
    value |= tail & 0x3FFF_FFFF_FFFF_FFFF
    return uuid.UUID(int=value)
