"""Approvals' own pages. They stand before the admin's."""

from __future__ import annotations

from django.urls import path

from controlplane.approvals.web import comment, decide, delegate, export

app_name = "approvals"
urlpatterns = [
    path("admin/approvals/about/<uuid:uid>/decide/", decide.decide, name="decide"),
    path("admin/approvals/about/<uuid:uid>/delegate/", delegate.delegate, name="delegate"),
    path("admin/approvals/about/<uuid:uid>/comment/", comment.comment, name="comment"),
    path("admin/approvals/about/<uuid:uid>/export.<slug:kind>", export.packet_file, name="export"),
]
