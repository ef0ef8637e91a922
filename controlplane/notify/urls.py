from django.urls import path

from controlplane.notify.web import answering, reached, wishes

app_name = "notify"
urlpatterns = [
    path("access/account/notifications/", wishes.notifications, name="mine"),
    path("access/account/reached/", reached.reached, name="reached"),
    path("answer/<str:verb>/<str:token>", answering.answer, name="answer"),
]
