"""The redactor measured on a generated corpus: what it must find, and what it must leave alone."""

from __future__ import annotations

import pytest

from controlplane.lib.redaction import redact_text, scan
from tests.kit.redaction_corpus import CLASSES, Line, Score, corpus, score

SEEDS = (11, 12, 13)


@pytest.fixture(scope="module", params=SEEDS)
def lines(request: pytest.FixtureRequest) -> list[Line]:
    return corpus(request.param, 1500)


@pytest.fixture(scope="module")
def result(lines: list[Line]) -> Score:
    return score(lines, redact_text)


def test_corpus__holds_enough_of_each_class_to_mean_something(lines: list[Line]) -> None:
    kinds = [kind for line in lines for _, _, kind in line.spans]
    assert min(kinds.count(kind) for kind in CLASSES) >= 60
    assert sum(len(line.keeps) for line in lines) >= 300


def test_recall__overall_and_per_class(result: Score) -> None:
    assert result.recall() >= 0.97, result.missed
    for kind in CLASSES:
        assert result.recall(kind) >= 0.93, (kind, result.missed[kind])


def test_precision__removes_little_else(result: Score) -> None:
    assert result.precision >= 0.97, result.overdone


def test_identifiers__stay(result: Score) -> None:
    assert result.keep_rate >= 0.995, result.destroyed


def test_clean_lines__stay_as_they_are(result: Score) -> None:
    assert result.alter_rate <= 0.01, result.destroyed


def test_prefilter__passes_over_nothing_that_the_rules_find(lines: list[Line]) -> None:
    for line in lines:
        encoded = scan.encode(line.text)
        assert scan.hit(encoded) or not scan.find_all(encoded), line.text


def test_batch__answers_as_one_by_one(lines: list[Line]) -> None:
    texts = [line.text for line in lines[:400]]
    together = scan.redact_many(texts)
    assert [text if r is None else r[0] for text, r in zip(texts, together, strict=True)] == [
        redact_text(text) for text in texts
    ]
