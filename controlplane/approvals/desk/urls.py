"""The desk. Apps above mount pages of their own beneath it."""

from __future__ import annotations

from django.urls import path

from controlplane.approvals.desk import away, inbox, me, packet, signed

app_name = "desk"
_ONE = "desk/approvals/<uuid:uid>"
urlpatterns = [
    path("desk/", inbox.inbox, name="inbox"),
    path(f"{_ONE}/", packet.packet, name="packet"),
    path(f"{_ONE}/delegate/", packet.delegate, name="delegate"),
    path(f"{_ONE}/comment/", packet.comment, name="comment"),
    path(f"{_ONE}/export.<slug:kind>", packet.export, name="export"),
    path("desk/files/<uuid:uid>/", packet.file, name="file"),
    path("desk/signed/", signed.signed, name="signed"),
    path("desk/signed.csv", signed.signed_file, name="signed_file"),
    path("desk/away/", away.away, name="away"),
    path("desk/away/<uuid:uid>/end/", away.end, name="away_end"),
    path("desk/you/", me.me, name="me"),
    path("desk/elsewhere/", me.elsewhere, name="elsewhere"),
]
