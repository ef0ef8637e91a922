"""The console's own pages. They stand before the admin's, whose index is our home."""

from django.urls import path
from django.views.generic import RedirectView

from controlplane.console.pages import errors, go, home, inbox, kit, preferences, settings

app_name = "console"
urlpatterns = [
    path("", RedirectView.as_view(url="/admin/")),
    path("admin/", home.home, name="home"),
    path("admin/nav/", home.nav, name="nav"),
    path("admin/go/", go.go, name="go"),
    path("admin/inbox/", inbox.inbox, name="inbox"),
    path("admin/inbox/<uuid:uid>/", inbox.news, name="news"),
    path("admin/settings/", settings.settings_page, name="settings"),
    path("admin/help/errors/", errors.index, name="errors"),
    path("admin/help/errors/<slug:code>/", errors.runbook, name="error"),
    path("admin/kit/", kit.kit, name="kit"),
    path("admin/theme/", preferences.theme, name="theme"),
    path("admin/read/", preferences.put_away, name="put_away"),
    path("admin/views/", preferences.saved_views, name="saved_views"),
    path("admin/views/save/", preferences.save_view, name="save_view"),
    path("admin/views/<uuid:uid>/<slug:verb>/", preferences.change_view, name="change_view"),
]
