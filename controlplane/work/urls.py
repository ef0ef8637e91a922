"""The work graph's own pages. They stand before the admin's."""

from __future__ import annotations

from django.urls import path

from controlplane.work.web import board, download, many, posts, queue

app_name = "work"
urlpatterns = [
    path("bd", download.bd, name="bd"),
    path("admin/work/queue/", queue.queue, name="queue"),
    path("admin/work/board/", board.board, name="board"),
    path("admin/work/board/move/", board.move, name="move"),
    path("admin/work/cycles/", queue.cycles, name="cycles"),
    path("admin/work/many/<slug:verb>/", many.act, name="many"),
    path("admin/work/back/<slug:token>/", many.take_back, name="take_back"),
    path("admin/work/about/<uuid:uid>/comment/", posts.comment, name="comment"),
    path("admin/work/about/<uuid:uid>/link/", posts.link, name="link"),
    path("admin/work/about/<uuid:uid>/unlink/", posts.unlink, name="unlink"),
    path("admin/work/about/<uuid:uid>/watch/", posts.watch, name="watch"),
    path("admin/work/about/<uuid:uid>/evidence/", posts.add_evidence, name="add_evidence"),
    path("admin/work/evidence/<uuid:uid>/", posts.evidence, name="evidence"),
    path("admin/work/evidence/<uuid:uid>/remove/", posts.remove_evidence, name="remove_evidence"),
]
