"""Reads of what is learnt from missions and of how people meet, named and scoped."""

from __future__ import annotations

from typing import Self

from django.contrib.postgres.search import SearchQuery, SearchRank
from django.db.models import F

from missions.querysets import EntryQuerySet, PartQuerySet, VisitQuerySet

TRAINING_OPEN = ("open", "in_progress")

__all__ = ["TRAINING_OPEN", "VisitQuerySet"]


class FeedbackQuerySet(PartQuerySet):
    def waiting(self) -> Self:
        return self.filter(status="asked")

    def given(self) -> Self:
        return self.filter(status="given")

    def of_person(self, user_id: int | None) -> Self:
        return self.filter(person_id=user_id)


class RetrospectiveQuerySet(EntryQuerySet):
    path = "visit__mission__workspace_id"


class FollowUpQuerySet(EntryQuerySet):
    def standing(self) -> Self:
        return self.filter(dropped_at=None)

    def open(self) -> Self:
        """What is still to be done: its work item says so."""
        return self.standing().exclude(item__category="done")


class TrainingQuerySet(EntryQuerySet):
    def open(self) -> Self:
        return self.filter(status__in=TRAINING_OPEN)


class AssetQuerySet(EntryQuerySet):
    def published(self) -> Self:
        return self.filter(status="published")

    def found(self, words: str) -> Self:
        """Those that say these words, the nearest first. As people type: quotes, `or`, `-`."""
        query = SearchQuery(words, config="english", search_type="websearch")
        rows = self.filter(search=query).annotate(rank=SearchRank(F("search"), query))
        return rows.order_by("-rank", "-id")


class AssetPartQuerySet(EntryQuerySet):
    path = "asset__workspace_id"


class AssetVersionQuerySet(AssetPartQuerySet):
    def published(self) -> Self:
        return self.exclude(published_at=None)

    def drafts(self) -> Self:
        return self.filter(published_at=None)


class SeriesQuerySet(EntryQuerySet):
    def running(self) -> Self:
        return self.filter(ended_at=None)


class MeetingQuerySet(EntryQuerySet):
    path = "series__workspace_id"

    def open(self) -> Self:
        return self.filter(closed_at=None)

    def held(self) -> Self:
        return self.exclude(closed_at=None).filter(missed_at=None)

    def missed(self) -> Self:
        return self.exclude(missed_at=None)
