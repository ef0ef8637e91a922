from django.urls import path

from controlplane.privacy.web import people as web

app_name = "privacy"
urlpatterns = [
    path("access/account/privacy/", web.mine, name="mine"),
    path("access/account/privacy/export/", web.export, name="export"),
    path("access/account/privacy/erasure/", web.ask, name="ask"),
    path("access/account/privacy/erasure/withdraw/", web.withdraw, name="withdraw"),
    path("access/account/privacy/said/<uuid:uid>/", web.take_back, name="take_back"),
    path("access/account/privacy/<uuid:uid>/", web.answer, name="answer"),
]
