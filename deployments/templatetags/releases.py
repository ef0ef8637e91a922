"""`{% load releases %}`: addresses of deployments, and their figures in words."""

from __future__ import annotations

from typing import Any

from django import template

from deployments import links
from deployments.models import Deployment
from deployments.overview import log, words

register = template.Library()


@register.simple_tag
def deployment_page(row: Deployment) -> str:
    return links.page_of(row)


@register.filter
def said(row: Deployment) -> str:
    return log.said(row)


@register.filter
def outcome(row: Deployment) -> str:
    return log.outcome(row)


@register.filter
def lasting(seconds: Any) -> str:
    return words.lasting(seconds)
