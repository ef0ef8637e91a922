"""The knowledge base, canned replies, and the public page of support."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from controlplane.base.admin import ModelAdmin, button
from controlplane.base.posting import workspace_for
from controlplane.base.web import actor_of
from incidents.admin.common import WordsField
from incidents.models import Article, CannedReply, SupportDoor
from incidents.support import articles, canned, doors

_VERSIONS = 20


def _state(wanted: str, words: str) -> Any:
    return lambda row: "" if row.status in wanted.split() else words


@admin.register(Article)
class ArticleAdmin(ModelAdmin[Article]):
    list_name = "Knowledge base"
    view_action = "ticket.view"
    add_action = change_action = articles.WRITE
    about = "Questions with their answers, written down once: for the desk, or for everybody."
    tabs = (("Published", "status__exact=published"), ("Drafts", "status__exact=draft"),
            ("All", "view=all"))  # fmt: skip
    empty = "Nothing is written down yet."
    empty_hint = "Write what was asked twice: POST /api/v1/articles."
    list_display = ["title", "status", "audience", "category", "judged", "changed_at"]
    phone_columns = ("status",)
    list_filter = ("audience", "category", "status")
    search_fields = ["title", "text"]
    in_palette = True
    head_state = "status"
    panel_template = "incidents/panel_article.html"
    add_fields = edit_fields = ("title", "text", "audience", "category", "runbooks")
    facts = ("audience", "category", "runbooks", "judged", "published_at", "changed_at")
    labels: ClassVar[Mapping[str, str]] = {
        "audience": "Read by", "judged": "Helped", "published_at": "Published",
        "changed_at": "Changed", "text": "Article",
    }  # fmt: skip

    @admin.display(description="Helped")
    def judged(self, obj: Article) -> str:
        total = obj.helped + obj.helped_not
        return f"{obj.helped} of {total}" if total else "not judged yet"

    def panel_context(self, request: HttpRequest, obj: Article) -> Mapping[str, Any]:
        door = SupportDoor.objects.filter(workspace=obj.workspace_id, is_open=True).first()
        public = obj.status == "published" and obj.audience == "public" and door is not None
        return {
            "article": obj, "versions": obj.versions.order_by("-number")[:_VERSIONS],
            "public_url": f"/support/{door.slug}/answers/{obj.slug}/" if public and door else "",
        }  # fmt: skip

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **given: Any) -> Any:
        if db_field.name == "text":
            return forms.CharField(
                widget=forms.Textarea(attrs={"rows": 18}), max_length=40_000,
                help_text="Markdown. Each saving is a version.",
            )  # fmt: skip
        if db_field.name == "runbooks":
            return WordsField(help_text="Slugs, with commas between them.")
        return super().formfield_for_dbfield(db_field, request, **given)

    def service_save(self, request: HttpRequest, obj: Article, form: Any, change: bool) -> Article:
        given = {name: form.cleaned_data[name] for name in self.edit_fields}
        actor = actor_of(request)
        if change:
            return articles.change_article(obj, actor=actor, **given)
        return articles.create_article(workspace_for(request, articles.WRITE), actor=actor, **given)

    @button(label="Publish", action=articles.WRITE, when=_state("draft", "It is no draft."))
    def publish(self, request: HttpRequest, obj: Article, reason: str) -> str:
        articles.publish_article(obj, actor=actor_of(request))
        return "It is read from now on."

    @button(label="Back to draft", action=articles.WRITE, quiet=True,
            when=_state("published archived", "It is a draft."))  # fmt: skip
    def redraft(self, request: HttpRequest, obj: Article, reason: str) -> str:
        articles.redraft_article(obj, actor=actor_of(request))
        return "It is a draft again: it is suggested to nobody."

    @button(label="Put away", action=articles.WRITE, quiet=True, reason=True,
            when=_state("draft published", "It is put away."))  # fmt: skip
    def put_away(self, request: HttpRequest, obj: Article, reason: str) -> str:
        articles.archive_article(obj, actor=actor_of(request), reason=reason)
        return "Nobody finds it any more."


@admin.register(CannedReply)
class CannedReplyAdmin(ModelAdmin[CannedReply]):
    list_name = "Canned replies"
    view_action = "ticket.view"
    add_action = change_action = canned.WRITE
    about = "Answers that are given often, with places for what differs."
    tabs = (("In use", "is_active__exact=1"), ("All", "view=all"))
    empty = "No reply is kept yet."
    empty_hint = "Keep one that you write for the third time: POST /api/v1/canned-replies."
    list_display = ["title", "shortcut", "audience", "category", "used", "used_at"]
    phone_columns = ("shortcut",)
    list_filter = ("audience", "category", "is_active")
    search_fields = ["title", "body", "shortcut"]
    add_fields = edit_fields = ("title", "shortcut", "body", "audience", "category")
    facts = ("shortcut", "audience", "category", "body", "used", "used_at", "is_active")
    labels: ClassVar[Mapping[str, str]] = {
        "body": "Text", "audience": "For", "used": "Times used", "used_at": "Last used",
        "is_active": "In use",
    }  # fmt: skip

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **given: Any) -> Any:
        if db_field.name == "body":
            places = ", ".join(f"{{{name}}}" for name in canned.PLACES)
            return forms.CharField(
                widget=forms.Textarea(attrs={"rows": 8}), max_length=8_000,
                help_text=f"Places that are filled: {places}.",
            )  # fmt: skip
        return super().formfield_for_dbfield(db_field, request, **given)

    def service_save(
        self, request: HttpRequest, obj: CannedReply, form: Any, change: bool
    ) -> CannedReply:
        given = {name: form.cleaned_data[name] for name in self.edit_fields}
        actor = actor_of(request)
        if change:
            return canned.change_reply(obj, actor=actor, **given)
        return canned.create_reply(workspace_for(request, canned.WRITE), actor=actor, **given)

    @button(label="Put away", action=canned.WRITE, quiet=True,
            when=lambda row: "" if row.is_active else "It is put away.")  # fmt: skip
    def put_away(self, request: HttpRequest, obj: CannedReply, reason: str) -> str:
        canned.switch_reply(obj, actor=actor_of(request), on=False)
        return "It is offered no more."

    @button(label="Bring back", action=canned.WRITE,
            when=lambda row: "It is in use." if row.is_active else "")  # fmt: skip
    def bring_back(self, request: HttpRequest, obj: CannedReply, reason: str) -> str:
        canned.switch_reply(obj, actor=actor_of(request), on=True)
        return "It is offered again."


@admin.register(SupportDoor)
class SupportDoorAdmin(ModelAdmin[SupportDoor]):
    list_name = "Public page of support"
    view_action = "ticket.view"
    add_action = change_action = doors.KEEP
    about = "Where anybody asks, and reads answers that are for everybody."
    tabs = (("All", "view=all"),)
    empty = "Nobody outside can ask by a form yet."
    empty_hint = "Make a page; nobody finds it until it is opened."
    list_display = ["title", "address", "standing"]
    phone_columns = ("standing",)
    search_fields = ["title", "slug"]
    add_fields = edit_fields = ("title", "slug", "intro", "is_open")
    facts = ("title", "address", "standing", "intro", "created_at")
    labels: ClassVar[Mapping[str, str]] = {
        "address": "Address", "standing": "Open to", "is_open": "Anybody may ask",
        "created_at": "Made",
    }  # fmt: skip

    @admin.display(description="Address")
    def address(self, obj: SupportDoor) -> SafeString:
        return format_html('<a href="/support/{0}/">/support/{0}/</a>', obj.slug)

    @admin.display(description="Open to")
    def standing(self, obj: SupportDoor) -> str:
        return "Everybody" if obj.is_open else "Nobody yet"

    def service_save(
        self, request: HttpRequest, obj: SupportDoor, form: Any, change: bool
    ) -> SupportDoor:
        given = {name: form.cleaned_data[name] for name in self.edit_fields}
        actor = actor_of(request)
        if change:
            return doors.change_door(obj, actor=actor, **given)
        return doors.create_door(workspace_for(request, doors.KEEP), actor=actor, **given)
