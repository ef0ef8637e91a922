"""What the metric files of this machine hold, summed over its processes.

The client's own way (`MultiProcessCollector`, `generate_latest`) makes an object of every value of
every process, throws most of them away, and checks and escapes each label anew: with thousands of
series nearly half a second of the processor for each look. Here values are summed under the keys
they have in the files, and each key is understood once for as long as the process lives. Whoever
asks for few families reads the files of their type alone, and of those the keys that begin with
their names.

Gauges are few and their modes many: those the client merges. What a key holds is the client's
business too, so a test compares both ways, and fails where a new version differs.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

from controlplane.jobs import metrics_files

Kind = Literal["counter", "gauge", "histogram", "summary"]
SUMMED: tuple[Kind, ...] = ("counter", "histogram", "summary")
KEYS = 50_000  # some 50 MB, if there ever were so many
Labels = tuple[tuple[str, str], ...]


class Sample(NamedTuple):
    name: str
    labels: Mapping[str, str]
    value: float
    head: str  # its line, up to the value


@dataclass(slots=True)
class Family:
    name: str
    help: str
    kind: str
    samples: list[Sample] = field(default_factory=list)


class Key(NamedTuple):
    """What a key of the files says."""

    family: str
    help: str
    sample: str
    labels: dict[str, str]
    head: str
    series: Labels  # its labels without the bound of a bucket
    bound: float | None


def families(
    folder: Path, kind: Kind | None = None, names: Collection[str] | None = None
) -> list[Family]:
    """All of them, or those of one type and of these names."""
    found: list[Family] = []
    with metrics_files.reading(folder):
        for each in SUMMED if kind is None else (kind,):
            if each != "gauge":
                found += _made(each, _summed(folder, each, names))
        if kind in {None, "gauge"}:
            found += _gauges(folder, names)
    return found


def text(found: Collection[Family]) -> str:
    """In the Prometheus text format."""
    from prometheus_client.utils import floatToGoString

    number: Any = floatToGoString
    lines: list[str] = []
    for each in found:
        name = f"{each.name}_total" if each.kind == "counter" else each.name
        about = each.help.replace("\\", r"\\").replace("\n", r"\n")
        lines += [f"# HELP {name} {about}\n", f"# TYPE {name} {each.kind}\n"]
        lines += [f"{sample.head} {number(sample.value)}\n" for sample in each.samples]
    return "".join(lines)


def _summed(folder: Path, kind: str, names: Collection[str] | None) -> dict[str, float]:
    from prometheus_client.mmap_dict import MmapedDict  # only after the folder is settled

    read: Any = MmapedDict.read_all_values_from_file
    sums: dict[str, float] = defaultdict(float)
    wanted = None if names is None else tuple(json.dumps([name])[:-1] + "," for name in names)
    for path in sorted(folder.glob(f"{kind}_*.db")):
        for key, value, *_ in read(str(path)):
            if wanted is None or key.startswith(wanted):
                sums[key] += value
    return sums


def _gauges(folder: Path, names: Collection[str] | None) -> Iterator[Family]:
    from prometheus_client.multiprocess import MultiProcessCollector

    merge: Any = MultiProcessCollector.merge
    for each in merge([str(path) for path in sorted(folder.glob("gauge_*.db"))]):
        if names is None or each.name in names:
            samples = [
                Sample(one.name, one.labels, one.value, _head(one.name, tuple(one.labels.items())))
                for one in each.samples
            ]
            yield Family(each.name, each.documentation, "gauge", samples)


def _made(kind: str, sums: Mapping[str, float]) -> Iterator[Family]:
    """Sums as families, each bucket of a histogram with those below it. A key holds the help of
    its family as well: after a release that words it anew there are two keys of one series."""
    made: dict[str, Family] = {}
    plain: dict[str, tuple[Key, float]] = {}
    buckets: dict[tuple[str, Labels], dict[float, tuple[Key, float]]] = {}
    for place, value in sums.items():
        key = _key(place)
        made.setdefault(key.family, Family(key.family, key.help, kind))
        if key.bound is not None:
            own = buckets.setdefault((key.family, key.series), {})
            own[key.bound] = (key, value + own.get(key.bound, _NONE)[1])
        else:
            plain[key.head] = (key, value + plain.get(key.head, _NONE)[1])
    for key, value in plain.values():
        made[key.family].samples.append(Sample(key.sample, key.labels, value, key.head))
    for (name, series), own in buckets.items():
        total, add = 0.0, made[name].samples.append
        for bound in sorted(own):
            key, value = own[bound]
            total += value
            add(Sample(key.sample, key.labels, total, key.head))
        add(Sample(f"{name}_count", dict(series), total, _head(f"{name}_count", series)))
    return iter(made.values())


_NONE: tuple[Any, float] = (None, 0.0)


@lru_cache(maxsize=KEYS)
def _key(place: str) -> Key:
    family, sample, labels, about = json.loads(place)
    bound = labels.get("le") if sample == f"{family}_bucket" else None
    series = tuple((name, value) for name, value in labels.items() if name != "le")
    return Key(
        family,
        about,
        sample,
        labels,
        _head(sample, tuple(labels.items())),
        series,
        None if bound is None else float(bound),
    )


@lru_cache(maxsize=KEYS)
def _head(name: str, labels: Labels) -> str:
    told = ",".join(f'{label}="{_escaped(value)}"' for label, value in sorted(labels))
    return f"{name}{{{told}}}" if told else name


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
