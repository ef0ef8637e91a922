from django.apps import AppConfig


class BaseConfig(AppConfig):
    name = "controlplane.base"
    label = "base"
    verbose_name = "Base"
