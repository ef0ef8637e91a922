from django.urls import path

from controlplane.access.api.oauth import authorization_server
from controlplane.access.api.tokens import jwks
from controlplane.access.web import (
    account,
    break_glass,
    machines,
    matrix,
    members,
    passwords,
    reviews,
    sign_in,
)

app_name = "access"
urlpatterns = [
    path(".well-known/jwks.json", jwks, name="jwks"),
    path(".well-known/oauth-authorization-server", authorization_server),
    path("access/login/", sign_in.login, name="login"),
    path("access/code/", sign_in.second_factor, name="second_factor"),
    path("access/confirm/", sign_in.confirm, name="confirm"),
    path("access/enrol/", sign_in.enrol, name="enrol"),
    path("access/logout/", sign_in.logout, name="logout"),
    path("access/password/", passwords.change, name="password_change"),
    path("access/password/forgotten/", passwords.ask_reset, name="password_reset"),
    path("access/password/sent/", passwords.reset_sent, name="password_reset_sent"),
    path("access/password/set/", passwords.set_by_link, name="password_reset_set"),
    path(
        "access/password/<uuid:uid>/<str:token>/", passwords.open_link, name="password_reset_link"
    ),
    path("access/account/", account.account, name="account"),
    path("access/account/sessions/end/", account.end_other_sessions, name="end_other_sessions"),
    path("access/account/sessions/<uuid:uid>/end/", account.end_session, name="end_session"),
    path("access/account/recovery-codes/", account.new_recovery_codes, name="recovery_codes"),
    path("access/workspace/", account.switch_workspace, name="switch_workspace"),
    path("access/members/", members.members, name="members"),
    path("access/members/<uuid:uid>/", members.member, name="member"),
    path("access/members/<uuid:uid>/grant/", members.grant, name="grant"),
    path("access/members/<uuid:uid>/revoke/<uuid:grant_uid>/", members.revoke, name="revoke"),
    path("access/members/<uuid:uid>/reset-factor/", members.reset_factor, name="reset_factor"),
    path("access/members/<uuid:uid>/<slug:verb>/", members.do, name="member_do"),
    path("access/agents/", machines.agents, name="agents"),
    path("access/agents/<uuid:uid>/", machines.agent, name="agent"),
    path("access/agents/<uuid:uid>/keys/", machines.issue, name="key_issue"),
    path("access/agents/<uuid:uid>/<slug:verb>/", machines.agent_do, name="agent_do"),
    path("access/keys/<uuid:uid>/rotate/", machines.key_rotate, name="key_rotate"),
    path("access/keys/<uuid:uid>/revoke/", machines.key_revoke, name="key_revoke"),
    path("access/account/keys/", machines.own_keys, name="own_keys"),
    path("access/roles/", matrix.matrix, name="matrix"),
    path("access/reviews/", reviews.reviews, name="reviews"),
    path("access/reviews/generate/", reviews.generate, name="review_generate"),
    path("access/reviews/<str:period>/", reviews.review, name="review"),
    path("access/reviews/<str:period>/unchanged/", reviews.unchanged, name="review_unchanged"),
    path("access/reviews/<str:period>/sign/", reviews.sign, name="review_sign"),
    path("access/reviews/<str:period>/lines/<uuid:uid>/", reviews.decide, name="review_decide"),
    path("access/break-glass/", break_glass.break_glass, name="break_glass"),
    path("access/break-glass/open/", break_glass.open_glass, name="break_glass_open"),
    path("access/break-glass/<uuid:uid>/close/", break_glass.close_glass, name="break_glass_close"),
]
