"""The knowledge base, canned replies and the public page of support over the API."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import QuerySet
from django.http import HttpResponse
from rest_framework import serializers

from controlplane.base.api.answers import JsonAnswer, created
from controlplane.base.api.filters import BooleanFilter, PortalFilterSet
from controlplane.base.api.serializers import StrictSerializer
from controlplane.base.api.views import DetailView, ListView, NowView, PortalRequest
from controlplane.lib.errors import NotFound
from incidents.models import Article, CannedReply, SupportDoor, Ticket
from incidents.support import articles, canned, doors

VIEW, WRITE = "ticket.view", articles.WRITE
TAGS = ["Support"]


class ArticleRow(StrictSerializer):
    uid = serializers.UUIDField()
    slug = serializers.CharField()
    title = serializers.CharField()
    text = serializers.CharField(help_text="Markdown")
    status = serializers.ChoiceField(choices=Article.Status.choices)
    audience = serializers.ChoiceField(choices=Article.Audience.choices)
    category = serializers.CharField()
    runbooks = serializers.ListField(child=serializers.CharField())
    helped = serializers.IntegerField()
    helped_not = serializers.IntegerField()
    changed_at = serializers.DateTimeField()
    version = serializers.IntegerField()


class ArticleFields(StrictSerializer):
    title = serializers.CharField(max_length=160)
    text = serializers.CharField(max_length=40_000)
    audience = serializers.ChoiceField(choices=Article.Audience.choices, required=False)
    category = serializers.ChoiceField(choices=Ticket.Category.choices, required=False)
    runbooks = serializers.ListField(
        child=serializers.CharField(max_length=60), required=False, max_length=10
    )


class ArticleMove(StrictSerializer):
    to = serializers.ChoiceField(choices=Article.Status.choices)


class CannedReplyRow(StrictSerializer):
    uid = serializers.UUIDField()
    title = serializers.CharField()
    body = serializers.CharField()
    audience = serializers.ChoiceField(choices=CannedReply.Audience.choices)
    category = serializers.CharField()
    shortcut = serializers.CharField()
    used = serializers.IntegerField()
    is_active = serializers.BooleanField()
    version = serializers.IntegerField()


class CannedReplyFields(StrictSerializer):
    title = serializers.CharField(max_length=120)
    body = serializers.CharField(max_length=8_000, help_text="with places, as {name}")
    audience = serializers.ChoiceField(choices=CannedReply.Audience.choices, required=False)
    category = serializers.CharField(max_length=14, required=False, allow_blank=True)
    shortcut = serializers.CharField(max_length=40)


class CannedReplyUse(StrictSerializer):
    ticket = serializers.CharField(max_length=16, help_text="its ref")


class CannedReplyWords(StrictSerializer):
    text = serializers.CharField()


class SupportDoorRow(StrictSerializer):
    uid = serializers.UUIDField()
    slug = serializers.CharField()
    title = serializers.CharField()
    intro = serializers.CharField()
    is_open = serializers.BooleanField(help_text="anybody may ask")
    version = serializers.IntegerField()


class SupportDoorFields(StrictSerializer):
    slug = serializers.CharField(max_length=40, required=False)
    title = serializers.CharField(max_length=80, required=False)
    intro = serializers.CharField(max_length=500, required=False, allow_blank=True)
    is_open = serializers.BooleanField(required=False)


class ArticleFilter(PortalFilterSet):
    status = django_filters.ChoiceFilter(choices=Article.Status.choices)
    audience = django_filters.ChoiceFilter(choices=Article.Audience.choices)
    category = django_filters.ChoiceFilter(choices=Ticket.Category.choices)
    q = django_filters.CharFilter(method="about", max_length=200)

    def about(self, rows: Any, name: str, value: str) -> Any:
        return rows.about(value)


class CannedReplyFilter(PortalFilterSet):
    is_active = BooleanFilter()


class SupportDoorFilter(PortalFilterSet):
    pass


def _of(model: Any, request: PortalRequest) -> QuerySet[Any]:
    rows: Any = model.objects.visible_to(request.actor)
    return rows.of(request.workspace)  # type: ignore[no-any-return]


class ArticlesView(ListView):
    """Questions with their answers."""

    actions = {"GET": VIEW, "POST": WRITE}
    output = ArticleRow
    inputs = {"POST": ArticleFields}
    outputs = {"POST": ArticleRow}
    filterset = ArticleFilter
    sorts = {"title": ("title", "id"), "newest": ("-id",)}
    tags = TAGS
    errors = (409,)

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return _of(Article, request)

    def post(self, request: Any) -> HttpResponse:
        """Write one; it is a draft"""
        made = articles.create_article(request.workspace, actor=request.actor, **self.read(request))
        return created(self.show(made), f"{request.path}/{made.uid}")


class OneArticle(NowView):
    output = ArticleRow
    version = ("version",)
    tags = TAGS
    errors = (409,)

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return _of(Article, request)


class ArticleView(OneArticle):
    """One article."""

    actions = {"GET": VIEW, "PATCH": WRITE}
    inputs = {"PATCH": ArticleFields}
    outputs = {"GET": ArticleRow, "PATCH": ArticleRow}

    def patch(self, request: Any, uid: Any) -> HttpResponse:
        """What it says from now on; what it said stands beside it"""
        row = self.object(request, {"uid": uid})
        seen = self.seen(request, row, {"uid": uid})
        given = self.read(request, partial=True)
        done = articles.change_article(row, actor=request.actor, version=seen, **given)
        return JsonAnswer(self.show(done))


class ArticleMoveView(DetailView):
    """Publish an article, take it back, or put it away."""

    actions = {"POST": WRITE}
    output = ArticleRow
    inputs = {"POST": ArticleMove}
    outputs = {"POST": ArticleRow}
    statuses = {"POST": 200}
    tags = TAGS
    errors = (409,)

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return _of(Article, request)

    def post(self, request: Any, uid: Any) -> HttpResponse:
        row, to = self.object(request, {"uid": uid}), self.read(request)["to"]
        moves: dict[str, Any] = {
            "published": articles.publish_article, "archived": articles.archive_article,
            "draft": articles.redraft_article,
        }  # fmt: skip
        return JsonAnswer(self.show(moves[to](row, actor=request.actor)))


class CannedRepliesView(ListView):
    """Answers that are given often."""

    actions = {"GET": VIEW, "POST": WRITE}
    output = CannedReplyRow
    inputs = {"POST": CannedReplyFields}
    outputs = {"POST": CannedReplyRow}
    filterset = CannedReplyFilter
    sorts = {"title": ("title", "id"), "used": ("-used", "id")}
    tags = TAGS
    errors = (409,)

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return _of(CannedReply, request)

    def post(self, request: Any) -> HttpResponse:
        """Keep one"""
        made = canned.create_reply(request.workspace, actor=request.actor, **self.read(request))
        return created(self.show(made), f"{request.path}/{made.uid}")


class CannedReplyView(NowView):
    """One canned reply."""

    actions = {"GET": VIEW, "PATCH": WRITE, "DELETE": WRITE}
    output = CannedReplyRow
    inputs = {"PATCH": CannedReplyFields}
    outputs = {"GET": CannedReplyRow, "PATCH": CannedReplyRow}
    statuses = {"DELETE": 204}
    version = ("version",)
    tags = TAGS
    errors = (409,)

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return _of(CannedReply, request)

    def patch(self, request: Any, uid: Any) -> HttpResponse:
        """Change what is given"""
        row = self.object(request, {"uid": uid})
        seen = self.seen(request, row, {"uid": uid})
        given = self.read(request, partial=True)
        done = canned.change_reply(row, actor=request.actor, version=seen, **given)
        return JsonAnswer(self.show(done))

    def delete(self, request: Any, uid: Any) -> HttpResponse:
        """Put it away; what was said with it stays said"""
        canned.switch_reply(self.object(request, {"uid": uid}), actor=request.actor, on=False)
        return HttpResponse(status=204)


class CannedReplyUseView(DetailView):
    """The words of a reply for one ticket."""

    actions = {"POST": canned.USE}
    output = CannedReplyRow
    inputs = {"POST": CannedReplyUse}
    outputs = {"POST": CannedReplyWords}
    statuses = {"POST": 200}
    tags = TAGS

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return _of(CannedReply, request)

    def post(self, request: Any, uid: Any) -> HttpResponse:
        """To be looked over and sent; that it was used is counted"""
        reply = self.object(request, {"uid": uid})
        ref = self.read(request)["ticket"]
        tickets: Any = _of(Ticket, request)
        row = tickets.filter(ref=ref).select_related("requester", "contact").first()
        if row is None:
            raise NotFound("There is no such ticket.")
        text = canned.use(reply, row, actor=request.actor)
        return JsonAnswer({"text": text})


class SupportDoorsView(ListView):
    """The public page of support of the workspace, where there is one."""

    actions = {"GET": VIEW, "POST": doors.KEEP}
    output = SupportDoorRow
    inputs = {"POST": SupportDoorFields}
    outputs = {"POST": SupportDoorRow}
    filterset = SupportDoorFilter
    sorts = {"slug": ("slug", "id")}
    tags = TAGS
    errors = (409,)

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return _of(SupportDoor, request)

    def post(self, request: Any) -> HttpResponse:
        """Make it; nobody finds it before it is opened"""
        made = doors.create_door(request.workspace, actor=request.actor, **self.read(request))
        return created(self.show(made), f"{request.path}/{made.uid}")


class SupportDoorView(NowView):
    """The public page of support."""

    actions = {"GET": VIEW, "PATCH": doors.KEEP}
    output = SupportDoorRow
    inputs = {"PATCH": SupportDoorFields}
    outputs = {"GET": SupportDoorRow, "PATCH": SupportDoorRow}
    version = ("version",)
    tags = TAGS
    errors = (409,)

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return _of(SupportDoor, request)

    def patch(self, request: Any, uid: Any) -> HttpResponse:
        """Change what is given"""
        row = self.object(request, {"uid": uid})
        seen = self.seen(request, row, {"uid": uid})
        given = self.read(request, partial=True)
        done = doors.change_door(row, actor=request.actor, version=seen, **given)
        return JsonAnswer(self.show(done))
