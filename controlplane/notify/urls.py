from django.urls import path

from controlplane.notify import web

app_name = "notify"
urlpatterns = [path("access/account/notifications/", web.notifications, name="mine")]
