"""Whether it got worse: pure, from the figures before and after."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from controlplane.lib.text import counted
from deployments import numbers

Figures = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Verdict:
    verdict: str  # healthy, degraded, unknown
    words: str

    @property
    def breach(self) -> bool:
        return self.verdict == "degraded"


def judge(before: Figures, after: Figures) -> Verdict:
    """The playbook's triggers. Violations need no sample; the two rates do, and without one
    nobody knows, which is not the same as healthy."""
    wrong = [
        words
        for words in (_violations(before, after), _errors(after), _slower(before, after))
        if words
    ]
    if wrong:
        return Verdict("degraded", " ".join(wrong))
    least = numbers.MIN_REQUESTS.value
    if (after.get("requests") or 0) < least:
        seen = after.get("requests") or 0
        return Verdict("unknown", f"Too little to judge by: {seen:,.0f} of {least:,} requests.")
    return Verdict("healthy", _fine(before, after))


def _violations(before: Figures, after: Figures) -> str:
    number = after.get("safeguard_violations") or 0
    return f"{counted(number, 'safeguard violation')}." if number >= 1 else ""


def _errors(after: Figures) -> str:
    rate, most = after.get("error_rate"), numbers.MAX_ERROR_RATE.value
    if rate is None or rate <= most or not _sampled(after):
        return ""
    return f"{rate:.1%} of requests fail; at most {most:.0%}."


def _slower(before: Figures, after: Figures) -> str:
    was, now, most = before.get("p95_ms"), after.get("p95_ms"), numbers.MAX_SLOWDOWN.value
    if not was or now is None or now <= was * most or not _sampled(after):
        return ""
    return f"p95 is {now:,.0f} ms, {now / was:.1f} times the {was:,.0f} ms before."


def _sampled(after: Figures) -> bool:
    return bool((after.get("requests") or 0) >= numbers.MIN_REQUESTS.value)


def _fine(before: Figures, after: Figures) -> str:
    rate = after.get("error_rate")
    said = [f"{rate:.2%} of requests fail" if rate is not None else ""]
    if after.get("p95_ms") is not None:
        was = f" (before: {before['p95_ms']:,.0f} ms)" if before.get("p95_ms") else ""
        said.append(f"p95 is {after['p95_ms']:,.0f} ms{was}")
    return ("; ".join(each for each in said if each) or "Nothing got worse") + "."
