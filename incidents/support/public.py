"""The doors of support that anybody may stand at: the form, articles, and the page behind a signed
link. They work without script and without an account."""

from __future__ import annotations

import hashlib
import uuid
from typing import Any

from django import forms
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import get_conditional_response
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from controlplane.base.web import actor_of
from controlplane.lib import clock, context, defaults
from controlplane.lib.errors import ControlPlaneError
from controlplane.work import files as work_files
from controlplane.work.models import ItemLink
from incidents.models import Article, SupportDoor, Ticket
from incidents.support import articles, doors, links
from incidents.support.answering import may_go_on
from incidents.support.said import MOST, MOST_FILES, Sent

MAX_AGE_S = defaults.define(
    "support.article_max_age_s",
    60,
    unit="seconds",
    why="A proxy before us takes a crowd; what was corrected is read within a minute.",
)
LISTED = 100
SHOWN = 200  # messages of one conversation
_STARS = [(str(n), f"{n} of 5") for n in range(5, 0, -1)]


class FilesInput(forms.ClearableFileInput):
    allow_multiple_selected = True


class AskForm(forms.Form):
    subject = forms.CharField(label="What is it about", max_length=200)
    body = forms.CharField(
        label="What happened", max_length=MOST, widget=forms.Textarea(attrs={"rows": 8}),
        help_text="What you did, what you saw, and since when.",
    )  # fmt: skip
    category = forms.ChoiceField(label="Which of these fits", choices=Ticket.Category.choices,
                                 initial=Ticket.Category.QUESTION)  # fmt: skip
    blocking = forms.BooleanField(label="I can't go on without an answer", required=False)
    name = forms.CharField(label="Your name", max_length=120)
    email = forms.EmailField(
        label="Your e-mail address", max_length=254,
        help_text="The answer goes there, with a link to this ticket.",
    )  # fmt: skip
    attached = forms.FileField(
        label="Files", required=False, widget=FilesInput(),
        help_text=f"Up to {MOST_FILES.shipped} screenshots or logs.",
    )  # fmt: skip
    # People don't see it, programs fill in whatever they find.
    website = forms.CharField(required=False, label="Leave this empty")

    def __init__(self, data: Any, *, known: bool) -> None:
        super().__init__(data, label_suffix="")
        if known:
            del self.fields["name"], self.fields["email"]


def _private(answer: HttpResponse) -> HttpResponse:
    answer["Cache-Control"] = "private, no-store"
    # Where one clicks on to must not learn the address: it is the key.
    answer["Referrer-Policy"] = "no-referrer"
    answer["X-Robots-Tag"] = "noindex"
    return answer


def _door(slug: str) -> SupportDoor:
    try:
        return doors.door_of(slug)
    except ControlPlaneError as error:
        raise Http404(error.message) from None


def _sent(request: HttpRequest) -> list[Sent]:
    given: list[UploadedFile[Any]] = request.FILES.getlist("attached")
    return [
        Sent(str(each.name or "file"), each, each.size, str(each.content_type or ""))
        for each in given
    ]


# --- Asking ---------------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
def ask(request: HttpRequest, slug: str) -> HttpResponse:
    door, actor = _door(slug), actor_of(request)
    known = actor.user_id is not None and door.workspace_id in actor.workspace_ids
    looks = "look" in request.POST or request.method != "POST"
    form = AskForm(request.POST or request.GET or None, known=known)
    if looks:
        form = _unjudged(form, request, known)
    status = 200
    if not looks:
        status = 400
        if form.is_valid():
            given = {name: value for name, value in form.cleaned_data.items() if name != "attached"}
            if given.pop("website"):
                return _said(request, "Thank you", "It is on its way.")
            try:
                row = doors.ask(door, actor=actor, address=context.current().address,
                                files=_sent(request), **given)  # fmt: skip
            except ControlPlaneError as error:
                status = error.status
                _place(form, error)
            else:
                return HttpResponseRedirect(f"{_path(row)}?new=1")
    words = " ".join(request.POST.get(name, "")[:2_000] for name in ("subject", "body"))
    found = articles.suggest(door.workspace_id, words, public=True) if words.strip() else []
    answer = render(request, "support/ask.html", {
        "door": door, "form": form, "title": door.title, "known": known, "found": found,
        "looked": "look" in request.POST, "has_articles": _public(door).exists(),
    }, status=status)  # fmt: skip
    _private(answer)
    # No key stands in this address, and a form that is sent without its origin is taken for forged.
    answer["Referrer-Policy"] = "same-origin"
    return answer


def _unjudged(form: AskForm, request: HttpRequest, known: bool) -> AskForm:
    """What is written already stays in its place; nothing of it is wrong yet."""
    said = {name: request.POST[name] for name in form.fields if name in request.POST}
    made = AskForm(None, known=known)
    made.initial = said
    return made


def _place(form: forms.Form, error: ControlPlaneError) -> None:
    for name, said in error.details.items():
        where = {"requester_email": "email", "requester_name": "name"}.get(name, name)
        if where in form.fields:
            form.add_error(where, " ".join(said) if isinstance(said, list) else str(said))
            return
    form.add_error(None, error.message)


def _path(row: Ticket) -> str:
    return links.page(row).removeprefix(settings.PUBLIC_URL)


def _said(request: HttpRequest, title: str, text: str, *, status: int = 200) -> HttpResponse:
    return _private(render(request, "support/said.html", {"title": title, "text": text},
                           status=status))  # fmt: skip


# --- Behind the link ------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
@csrf_exempt  # the link is what proves the right to write; a browser may have lost its cookies
def ticket(request: HttpRequest, token: str) -> HttpResponse:
    try:
        row = links.ticket_of(token)
    except ControlPlaneError as error:
        return _said(request, "This link leads nowhere", error.message, status=404)
    told, status = "", 200
    if request.method == "POST":
        try:
            told = _done(request, row)
        except ControlPlaneError as error:
            told, status = error.message, error.status
        else:
            return HttpResponseRedirect(f"{request.path}?said={told}")
    return _ticket(request, row, token, told, status)


_TOLD = {
    "said": "It is said. Whoever works on it has been told.",
    "solved": "Thank you. The ticket is closed.",
    "rated": "Thank you for your judgement.",
}


def _done(request: HttpRequest, row: Ticket) -> str:
    do = request.POST.get("do", "")
    if do == "solved":
        doors.solved(row)
        return "solved"
    if do == "rate":
        doors.rate(row, request.POST.get("stars", ""), request.POST.get("remark", "")[:2_000])
        return "rated"
    doors.say(row, request.POST.get("text", "")[: 2 * MOST], files=_sent(request))
    return "said"


def _ticket(request: HttpRequest, row: Ticket, token: str, told: str, status: int) -> HttpResponse:
    row.refresh_from_db()
    over = row.status in {Ticket.Status.RESOLVED, Ticket.Status.CLOSED}
    due = row.next_update_due_at or (None if row.responded_at else row.respond_due_at)
    if row.incident is not None and row.status == Ticket.Status.ESCALATED:
        due = row.incident.next_update_at
    answer = render(request, "support/ticket.html", {
        "title": f"{row.ref} {row.subject}", "row": row, "token": token, "now": clock.now(),
        "said": _conversation(row), "due": None if over else due, "over": over,
        "may_say": may_go_on(row), "rating": getattr(row, "rating", None), "stars": _STARS,
        "refusal": told if status != 200 else "",
        "told": _TOLD.get(request.GET.get("said", ""), ""), "new": "new" in request.GET,
        "written": request.POST.get("text", "") if status != 200 else "",
    }, status=status)  # fmt: skip
    return _private(answer)


def _conversation(row: Ticket) -> list[dict[str, Any]]:
    """What whoever asked may read, in its last words. Of the desk's people their names alone."""
    rows = row.messages.public().prefetch_related("edits").order_by("pk")[:SHOWN]
    found = []
    for each in rows:
        edits = sorted(each.edits.all(), key=lambda edit: edit.number)
        found.append({
            "text": edits[-1].text if edits else each.text, "corrected": bool(edits),
            "mine": each.kind == "request", "who": each.author_name, "at": each.at,
            "files": each.files, "refused": each.refused,
        })  # fmt: skip
    return found


@require_safe
def file(request: HttpRequest, token: str, uid: uuid.UUID) -> HttpResponseBase:
    """One that stands in the conversation, and no other of its work item."""
    try:
        row = links.ticket_of(token)
    except ControlPlaneError as error:
        raise Http404(error.message) from None
    named = {str(each["uid"]) for message in row.messages.public() for each in message.files}
    found = ItemLink.objects.filter(item=row.item_id, uid=uid).select_related("item").first()
    if found is None or str(uid) not in named:
        raise Http404("There is no such file.")
    return work_files.handed_out(found)


# --- Articles -------------------------------------------------------------------------------------


def _public(door: SupportDoor) -> Any:
    return Article.objects.filter(workspace=door.workspace_id).public()


def _cached(request: HttpRequest, answer: HttpResponse) -> HttpResponse:
    """The same for everybody, so anybody may keep it for a while."""
    tag = f'"{hashlib.sha256(answer.content).hexdigest()[:32]}"'
    ready: Any = get_conditional_response(request, etag=tag, response=answer)
    found: HttpResponse = ready or answer
    found["ETag"] = tag
    found["Cache-Control"] = (
        f"public, max-age={MAX_AGE_S.value}, stale-while-revalidate=60, stale-if-error=86400"
    )
    return found


@require_safe
def listing(request: HttpRequest, slug: str) -> HttpResponse:
    door = _door(slug)
    words = " ".join(request.GET.get("q", "").replace("\0", "").split())[:200]
    rows = _public(door)
    rows = rows.about(words) if words else rows
    answer = render(request, "support/articles.html", {
        "door": door, "title": "Answers", "words": words,
        "rows": rows.order_by("category", "title")[:LISTED],
    })  # fmt: skip
    return _cached(request, answer)


def _article(door: SupportDoor, name: str) -> Article:
    found: Article | None = _public(door).filter(slug=name).first()
    if found is None:
        raise Http404("There is no such answer.")
    return found


@require_safe
def article(request: HttpRequest, slug: str, name: str) -> HttpResponse:
    door = _door(slug)
    row = _article(door, name)
    near = articles.suggest(door.workspace_id, row.title, public=True)
    answer = render(request, "support/article.html", {
        "door": door, "title": row.title, "row": row,
        "near": [each for each in near if each.pk != row.pk][:3],
    })  # fmt: skip
    return _cached(request, answer)


@csrf_exempt  # the page is the same for all: it can hold nobody's token, and only counts
@require_POST
def judge(request: HttpRequest, slug: str, name: str) -> HttpResponse:
    door = _door(slug)
    row = _article(door, name)
    try:
        articles.judge(row, request.POST.get("helped") == "yes",
                       address=context.current().address)  # fmt: skip
    except ControlPlaneError as error:
        return _said(request, "Not counted", error.message, status=error.status)
    if request.POST.get("helped") == "yes":
        return _said(request, "Good to hear", "Thank you.")
    return HttpResponseRedirect(reverse("help:ask", args=(door.slug,)))
