"""google-re2, set up once: linear time whatever the input, bytes in and bytes out.

Bytes, because RE2 works on them anyway (its text mode translates every offset back), and because
a lone surrogate then needs no special case.
"""

from __future__ import annotations

from typing import Any

import re2

_options = re2.Options()
_options.max_mem = 64 << 20  # below this RE2 keeps its fast automaton for the big alternation
_options.log_errors = False
_options.encoding = re2.Options.Encoding.LATIN1


def compiled(pattern: bytes) -> Any:
    return re2.compile(pattern, _options)
