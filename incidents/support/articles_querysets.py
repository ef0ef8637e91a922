"""Reads of articles, named."""

from __future__ import annotations

from typing import Self

from django.contrib.postgres.search import SearchQuery, SearchRank
from django.db.models import F, Q

from incidents.querysets import ScopedQuerySet

WORDS_MOST = 24


class ArticleQuerySet(ScopedQuerySet):
    def published(self) -> Self:
        return self.filter(status="published")

    def public(self) -> Self:
        """What anybody may read."""
        return self.published().filter(audience="public")

    def about(self, words: str) -> Self:
        """That speak of all of these."""
        query = SearchQuery(words, config="english", search_type="websearch")
        return self.filter(Q(search=query) | Q(title__icontains=words))

    def alike(self, text: str) -> Self:
        """That speak of any of these words, the nearest first: nobody asks in ours."""
        said = "".join(each if each.isalnum() else " " for each in text[:4_000]).lower()
        words = [word for word in dict.fromkeys(said.split()) if len(word) > 3][:WORDS_MOST]
        if not words:
            return self.none()
        query = SearchQuery(words[0], config="english", search_type="plain")
        for word in words[1:]:
            query |= SearchQuery(word, config="english", search_type="plain")
        found = self.filter(search=query).annotate(rank=SearchRank(F("search"), query))
        return found.order_by("-rank", "title")
