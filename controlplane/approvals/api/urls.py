"""Routes of approvals."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from controlplane.approvals.api import export, others, requests, talk

ONE = "v1/approvals/<uuid:uid>"
POLICY = "v1/approval-policies/<str:slug>"
urlpatterns: list[URLPattern | URLResolver] = [
    path("v1/approvals", requests.RequestsView.as_view()),
    path(ONE, requests.RequestView.as_view()),
    path(f"{ONE}/changes", requests.ChangesView.as_view()),
    path(f"{ONE}/export", export.ExportView.as_view()),
    path(f"{ONE}/decide", requests.DecideView.as_view()),
    path(f"{ONE}/revise", requests.ReviseView.as_view()),
    path(f"{ONE}/withdraw", requests.WithdrawView.as_view()),
    path(f"{ONE}/delegate", requests.DelegateView.as_view()),
    path(f"{ONE}/comments", talk.CommentsView.as_view()),
    path("v1/approval-decisions", requests.SignaturesView.as_view()),
    path("v1/approval-delegations", others.DelegationsView.as_view()),
    path("v1/approval-delegations/<uuid:uid>/end", others.DelegationEndView.as_view()),
    path("v1/approval-policies", others.PoliciesView.as_view()),
    path(POLICY, others.PolicyView.as_view()),
    path(f"{POLICY}/retire", others.PolicyRetireView.as_view()),
    path(f"{POLICY}/restore", others.PolicyRestoreView.as_view()),
]
