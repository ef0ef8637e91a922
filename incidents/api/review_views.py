"""Reviews over the API: begun, written, published, their actions, their report."""

from __future__ import annotations

import base64
from collections.abc import Callable, Collection
from typing import Any, ClassVar
from uuid import UUID

import django_filters
from django.db.models import QuerySet
from django.http import HttpResponse

from controlplane.access.models import User
from controlplane.base.api.answers import JsonAnswer, created
from controlplane.base.api.filters import PortalFilterSet
from controlplane.base.api.serializers import NoInput
from controlplane.base.api.views import ListView, NowView, PortalRequest
from controlplane.lib.errors import NotFound
from controlplane.lib.given import refuse
from incidents.api import review_forms as forms
from incidents.api.forms import TAGS
from incidents.models import Incident, IncidentReview, ReviewAction
from incidents.reviews import acting, checklist, report, signing, writing
from incidents.reviews.holding import RELATED
from missions.web.people import people_in

VIEW = "incident.view"


def _rows(request: PortalRequest) -> QuerySet[Any]:
    rows: QuerySet[Any] = IncidentReview.objects.visible_to(request.actor).of(request.workspace)
    return rows.defer("search")


class IncidentReviewFilter(PortalFilterSet):
    status = django_filters.ChoiceFilter(choices=IncidentReview.Status.choices)
    q = django_filters.CharFilter(
        method="speaking_of", max_length=200, label="Words of causes, answers and lessons."
    )

    def speaking_of(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        found: QuerySet[Any] = rows.about(value.replace("\x00", ""))  # type: ignore[attr-defined]
        return found


class IncidentReviewsView(ListView):
    """Reviews of incidents, the newest first."""

    actions = {"GET": VIEW, "POST": writing.WRITE}
    output = forms.ReviewRow
    inputs = {"POST": forms.ReviewBegin}
    outputs = {"POST": forms.ReviewTold}
    filterset = IncidentReviewFilter
    sorts = {"newest": ("-id",)}
    tags = TAGS
    errors = (409,)

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return _rows(request)

    def post(self, request: Any) -> HttpResponse:
        """Begin the review of an incident; asked again, it is what is there"""
        ref = self.read(request)["incident"].strip().upper()
        rows: Any = Incident.objects.visible_to(request.actor).of(request.workspace)
        incident = rows.filter(ref=ref).first()
        if incident is None:
            raise refuse("incident", "There is no such incident here.")
        made = writing.begin_review(incident, actor=request.actor)
        row = _rows(request).select_related(*RELATED).get(pk=made.pk)
        return created(told(row), f"{request.path}/{row.incident.ref}")


def told(row: IncidentReview) -> dict[str, Any]:
    actions = row.actions.standing().select_related("owner", "item").order_by("pk")
    whole = IncidentReviewView().show(row)
    return {
        **whole,
        "actions": [_action(each) for each in actions],
        "checklist": [
            {"slug": point.slug, "label": point.label, "done": point.done, "note": point.note,
             "at": point.at}
            for point in checklist.of(row)
        ],
    }  # fmt: skip


def _action(row: ReviewAction) -> dict[str, Any]:
    return {
        "uid": row.uid, "title": row.title, "kind": row.kind,
        "owner": row.owner.uid if row.owner else None, "due_on": row.due_on,
        "runbook": row.runbook, "item": row.item.key, "status": row.item.status,
    }  # fmt: skip


class OneReview(NowView):
    """Named by the incident it is of."""

    output = forms.ReviewWhole
    lookup = "incident__ref"
    version = ("version",)
    tags = TAGS
    errors: ClassVar[Collection[int]] = (409,)

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return _rows(request).select_related(*RELATED)

    def review(self, request: Any, ref: str) -> IncidentReview:
        found: IncidentReview = self.object(request, {self.lookup: ref.upper()})
        return found

    def answer(self, request: Any, row: IncidentReview) -> HttpResponse:
        now = self.rows(request).get(pk=row.pk)
        response = JsonAnswer(told(now))
        response["ETag"] = self.tag_of(now, {self.lookup: now.incident.ref})
        return response

    def seen_of(self, request: Any, row: IncidentReview) -> int | None:
        return self.seen(request, row, {self.lookup: row.incident.ref})


class IncidentReviewView(OneReview):
    """One review: what it says, what is to be done, and its checklist."""

    actions = {"GET": VIEW, "PATCH": writing.WRITE}
    inputs = {"PATCH": forms.ReviewChange}
    outputs = {"GET": forms.ReviewTold, "PATCH": forms.ReviewTold}

    def get(self, request: Any, ref: str) -> HttpResponse:
        """One review, with its actions and its checklist"""
        return self.answer(request, self.review(request, ref))

    def patch(self, request: Any, ref: str) -> HttpResponse:
        """Write what is given; the root cause stands with the incident"""
        row = self.review(request, ref)
        values = self.read(request, partial=True)
        if "whys" in values:
            values["whys"] = [dict(each) for each in values["whys"]]
        seen = self.seen_of(request, row)
        writing.change_review(row, actor=request.actor, version=seen, **values)
        return self.answer(request, row)


class _ReviewVerb(OneReview):
    service: ClassVar[Callable[..., Any]]
    outputs = {"POST": forms.ReviewTold}
    statuses = {"POST": 200}
    errors = (409, 422)

    def post(self, request: Any, ref: str) -> HttpResponse:
        row = self.review(request, ref)
        values = self.read(request)
        if "owner" in values:
            values["owner"] = _owner(row, values["owner"])
        type(self).service(row, actor=request.actor, **values)
        return self.answer(request, row)


def _owner(row: IncidentReview, uid: UUID | None) -> User | None:
    if uid is None:
        return None
    found: User | None = people_in(row.workspace).filter(uid=uid).first()
    if found is None:
        raise refuse("owner", "Nobody of that name is here.")
    return found


def _verb(name: str, action: str, service: Any, words: str, form: Any = NoInput) -> type[OneReview]:
    attributes = {
        "__doc__": words,
        "__module__": __name__,
        "actions": {"POST": action},
        "inputs": {"POST": form},
        "service": staticmethod(service),
    }
    return type(f"IncidentReview{name}View", (_ReviewVerb,), attributes)


VERBS: dict[str, type[OneReview]] = {
    "publish": _verb("Publish", writing.PUBLISH, writing.publish_review,
                     "Publish a review: others read it, and what it rests on is kept."),
    "write-on": _verb("WriteOn", writing.PUBLISH, writing.write_on,
                      "Write on at what was published.", forms.ReviewReason),
    "signatures": _verb("Signatures", writing.PUBLISH, signing.ask_signatures,
                        "Ask for signatures of what it says now."),
    "documents": _verb("Documents", writing.WRITE, acting.ask_documents,
                       "Ask for the documentation to be changed within a day.",
                       forms.ReviewDocuments),
}  # fmt: skip


class ReviewActionsView(OneReview):
    """What is to be done after an incident."""

    actions = {"POST": writing.WRITE}
    inputs = {"POST": forms.ReviewActionFields}
    outputs = {"POST": forms.ReviewActionRow}

    def post(self, request: Any, ref: str) -> HttpResponse:
        """Add an action; the same again, word for word, is there already"""
        row = self.review(request, ref)
        values = self.read(request)
        values["owner"] = _owner(row, values.get("owner"))
        made = acting.add_action(row, actor=request.actor, **values)
        return created(_action(made), f"{request.path}/{made.uid}")


class _OneAction(OneReview):
    outputs = {"PATCH": forms.ReviewActionRow, "POST": forms.ReviewActionRow}
    statuses = {"POST": 200}

    def action(self, row: IncidentReview, uid: UUID) -> ReviewAction:
        rows: Any = row.actions.standing().select_related("review__incident", "item", "owner")
        found: ReviewAction | None = rows.filter(uid=uid).first()
        if found is None:
            raise NotFound("Nothing is here, or it is not yours to see.")
        return found


class ReviewActionView(_OneAction):
    """One thing that is to be done."""

    actions = {"PATCH": writing.WRITE}
    inputs = {"PATCH": forms.ReviewActionFields}

    def patch(self, request: Any, ref: str, uid: UUID) -> HttpResponse:
        """Change what is given; its work item follows"""
        row = self.review(request, ref)
        values = self.read(request, partial=True)
        if "owner" in values:
            values["owner"] = _owner(row, values["owner"])
        done = acting.change_action(self.action(row, uid), actor=request.actor, **values)
        return JsonAnswer(_action(done))


class ReviewActionDropView(_OneAction):
    """Drop what is not done after all; its work item is closed."""

    actions = {"POST": writing.WRITE}
    inputs = {"POST": forms.ReviewReason}

    def post(self, request: Any, ref: str, uid: UUID) -> HttpResponse:
        row = self.review(request, ref)
        given = self.read(request)
        done = acting.drop_action(self.action(row, uid), actor=request.actor, **given)
        return JsonAnswer(_action(done))


class IncidentReportView(OneReview):
    """The report of an incident in ten sections

    `format` is `md`, `html` or `pdf`; `edition` is `internal` or `public`. The public one names
    nobody, and is handed out once the review is published and said to be public.
    """

    actions = {"GET": VIEW}
    outputs = {"GET": forms.ReviewReport}
    query = ("format", "edition")
    errors = (422,)

    def get(self, request: Any, ref: str) -> HttpResponse:
        asked = request._request.GET
        form, edition = asked.get("format", "md"), asked.get("edition", report.INTERNAL)
        if form not in forms.FORM:
            raise refuse("format", f"One of {', '.join(forms.FORM)}.")
        if edition not in forms.EDITION:
            raise refuse("edition", f"One of {', '.join(forms.EDITION)}.")
        row = self.review(request, ref)
        name, written, _ = report.handed_out(row, actor=request.actor, form=form, edition=edition)
        whole = form != "pdf"
        return JsonAnswer(
            {
                "filename": name,
                "content": written.decode() if whole else base64.b64encode(written).decode(),
                "encoding": "utf-8" if whole else "base64",
            }
        )
