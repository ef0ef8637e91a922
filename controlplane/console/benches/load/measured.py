"""What a load was like, as rows and as a document."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from controlplane.base.bench import Row
from controlplane.console.benches.load import mix
from controlplane.console.benches.load.crowd import Heard, share
from controlplane.console.benches.load.place import Used
from controlplane.console.benches.load.profiles import CROWD_LATE_S, Profile

BARE = "a bare Django view"
RAW = "raw WSGI"
_GROUPS = {
    mix.CONSOLE: "people at the console",
    mix.API: "scripts at the API",
    mix.AGENT: "agents at work",
}


class Side(NamedTuple):
    """What the same users had of something plain: seconds of an act."""

    cpu: float
    p50: float
    p95: float


@dataclass
class Measured:
    profile: Profile
    heard: Heard = field(default_factory=Heard)
    before: dict[str, Used] = field(default_factory=dict)
    after: dict[str, Used] = field(default_factory=dict)
    sessions_before: int = 0
    sessions_after: int = 0
    recovered_s: float | None = None
    fell: list[str] = field(default_factory=list)
    plain: dict[str, Side] = field(default_factory=dict)

    def cpu(self, name: str) -> float:
        """Seconds that this program computed while the users acted."""
        before, after = self.before.get(name), self.after.get(name)
        return after.cpu - before.cpu if before and after else 0.0

    def grown(self, name: str) -> float:
        """Bytes it holds more than before."""
        before, after = self.before.get(name), self.after.get(name)
        return float(after.memory - before.memory) if before and after else 0.0

    @property
    def per_act(self) -> float:
        """CPU milliseconds of the web processes for one act."""
        return self.cpu("web") / max(1, self.heard.asked) * 1000

    @property
    def crowd_is_late(self) -> float:
        """Seconds, p95: how late the crowd itself was."""
        return share(sorted(self.heard.late), 0.95)

    def missed(self) -> list[str]:
        return self.profile.judged(self.heard, self.fell, self.recovered_s)

    def sentence(self) -> str:
        """For a page that tells how much the portal bears."""
        waits, acts = self.heard.all_waits(), max(1, self.heard.asked)
        p50, p95, p99 = (share(waits, part) * 1000 for part in (0.5, 0.95, 0.99))
        bare = self.plain.get(BARE)
        beside = f" (a bare Django view p95 {bare.p95 * 1000:.0f} ms)" if bare else ""
        never = self.recovered_s is None
        well = "never well again" if never else f"all well again after {self.recovered_s:.1f} s"
        missed = self.missed()
        kept = f"Missed: {'; '.join(missed)}." if missed else "What was asked for was kept."
        return (
            f"`{self.profile.name}`: {self.profile.users:,} users, {self.heard.seconds:.0f} s,"
            f" {self.heard.asked:,} acts: p50 {p50:.0f}, p95 {p95:.0f}, p99 {p99:.0f} ms{beside};"
            f" {self.heard.errors:,} failed, {len(self.fell)} programs fell, {well}."
            f" An act took {self.per_act:.1f} ms of web's CPU and"
            f" {self.cpu('postgres') / acts * 1000:.1f} of PostgreSQL's."
            f" {kept}"
        )

    def rows(self) -> Iterator[Row]:
        waits = self.heard.all_waits()
        bare = self.plain.get(BARE)
        what = f"{self.profile.users} users, {self.heard.seconds:.0f} s"
        yield Row(
            "acts answered", self.heard.asked / max(0.001, self.heard.seconds), "/s", "wanted",
            self.heard.wanted / max(0.001, self.heard.seconds), what,
        )  # fmt: skip
        for part in (0.5, 0.95, 0.99):
            goal = self.profile.p95_ms if part == 0.95 else None
            yield Row(
                f"all acts, p{part * 100:.0f}", share(waits, part) * 1000, "ms",
                BARE if bare and part < 0.99 else "",
                (bare.p50 if part == 0.5 else bare.p95) * 1000 if bare and part < 0.99 else None,
                f"goal {goal:.0f}" if goal else "",
            )  # fmt: skip
        yield from self._kinds()
        yield Row("acts that failed", float(self.heard.errors), f"of {self.heard.asked}",
                  note=", ".join(f"{what} × {many}" for what, many in
                                 self.heard.wrong.most_common(12)) or "none")  # fmt: skip
        yield from self._costs()
        never = self.recovered_s is None
        yield Row("recovered after", self.recovered_s or 0.0, "s", note="never" if never else "")
        yield Row("processes that fell", float(len(self.fell)), "programs",
                  note="; ".join(self.fell) or "none")  # fmt: skip

    def _kinds(self) -> Iterator[Row]:
        for group, label in _GROUPS.items():
            found = [(kind, sorted(self.heard.waits.get(kind.name, [])))
                     for kind in mix.KINDS if kind.group == group]  # fmt: skip
            yield _waited(label, sorted(wait for _, waits in found for wait in waits))
            for kind, waits in found:
                if waits:
                    yield _waited(f"- {kind.name}", waits)

    def _costs(self) -> Iterator[Row]:
        for name in (BARE, RAW):
            side = self.plain.get(name)
            yield Row("CPU of web for an act", self.per_act, "ms", name,
                      side.cpu * 1000 if side else None)  # fmt: skip
        acts, seconds = max(1, self.heard.asked), max(0.001, self.heard.seconds)
        for name, label in _PROGRAMS.items():
            if name in self.after:
                spent = self.cpu(name)
                yield Row(f"CPU of {label}", spent / seconds * 100, "% of a core",
                          note=f"{spent / acts * 1000:.2f} ms an act")  # fmt: skip
        crowd = self.heard.cpu / seconds
        late = self.crowd_is_late
        note = "it was the bottleneck: judge with care" if late > CROWD_LATE_S else ""
        yield Row("CPU of the crowd", crowd * 100, "% of a core", note=note)
        yield Row("the crowd itself was late by, p95", late * 1000, "ms")
        yield Row("streams held open", float(self.heard.streams), "streams")
        for name in ("web", "stream"):
            if name in self.after:
                yield Row(f"memory of {_PROGRAMS[name]}, after", self.after[name].memory / 2**20,
                          "MB", "before", self.before[name].memory / 2**20)  # fmt: skip
        yield Row("sessions of the database, after", float(self.sessions_after), "sessions",
                  "before", float(self.sessions_before))  # fmt: skip

    def as_document(self) -> dict[str, Any]:
        waits = self.heard.all_waits()
        return {
            "profile": self.profile.name,
            "users": self.profile.users,
            "seconds": round(self.heard.seconds, 1),
            "asked": self.heard.asked,
            "wanted": self.heard.wanted,
            "p50_ms": round(share(waits, 0.5) * 1000, 1),
            "p95_ms": round(share(waits, 0.95) * 1000, 1),
            "p99_ms": round(share(waits, 0.99) * 1000, 1),
            "wrong": dict(self.heard.wrong),
            "busy": self.heard.busy,
            "cpu_s": {name: round(self.cpu(name), 2) for name in self.after},
            "crowd_cpu_s": round(self.heard.cpu, 2),
            "crowd_late_p95_ms": round(self.crowd_is_late * 1000, 1),
            "recovered_s": None if self.recovered_s is None else round(self.recovered_s, 2),
            "fell": self.fell,
            "memory_grown_mb": {name: round(self.grown(name) / 2**20, 1) for name in self.after},
            "plain": {name: side._asdict() for name, side in self.plain.items()},
            "missed": self.missed(),
        }


_PROGRAMS = {
    "web": "the web processes",
    "stream": "the stream process",
    "postgres": "PostgreSQL",
    "proxy": "the proxy",
    "worker": "the worker",
    "beat": "beat",
    "valkey": "Valkey",
    "waker": "the wake supervisor",
}


def _waited(label: str, waits: list[float]) -> Row:
    tail = f"p95 {share(waits, 0.95) * 1000:.0f}, p99 {share(waits, 0.99) * 1000:.0f} ms"
    return Row(f"{label}, p50", share(waits, 0.5) * 1000, "ms", note=f"{len(waits):,} acts, {tail}")
