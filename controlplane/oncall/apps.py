from django.apps import AppConfig


class OnCallConfig(AppConfig):
    name = "controlplane.oncall"
    label = "oncall"
    verbose_name = "On call"
