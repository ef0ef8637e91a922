"""Forms about agents and keys. They only shape input; every rule is a service's."""

from __future__ import annotations

from typing import Any

from django import forms

from controlplane.access import policy
from controlplane.access.models import Agent
from controlplane.access.services.keys import DEFAULT_DAYS, MAX_DAYS


def agent_roles() -> list[tuple[str, str]]:
    return [(slug, label) for slug, (label, _) in policy.ROLES.items() if slug in policy.AGENTS]


class AgentForm(forms.Form):
    name = forms.CharField(max_length=80)
    role = forms.ChoiceField(
        required=False,
        choices=lambda: [("", "none: a service account, by scopes only"), *agent_roles()],
    )
    description = forms.CharField(max_length=300, required=False)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        data["kind"] = Agent.Kind.AGENT if data.get("role") else Agent.Kind.SERVICE
        return data


class ChangeAgentForm(forms.Form):
    name = forms.CharField(max_length=80)
    role = forms.ChoiceField(choices=agent_roles, help_text="Another role ends its tokens.")
    description = forms.CharField(max_length=300, required=False)
    reason = forms.CharField(max_length=300, required=False)

    def __init__(self, data: Any = None, *, agent: Agent) -> None:
        shown = {"name": agent.name, "role": agent.role, "description": agent.description}
        super().__init__(data, initial=shown, prefix="agent")
        if agent.kind == Agent.Kind.SERVICE:
            del self.fields["role"]

    def changes(self) -> dict[str, Any]:
        return dict(self.cleaned_data)


class KeyForm(forms.Form):
    name = forms.CharField(max_length=80, help_text="Where it is used.")
    scopes = forms.CharField(
        required=False,
        max_length=2_000,
        help_text="area.verb, area.* or *, separated by blanks."
        " Empty: whatever its agent or owner may do.",
    )
    days = forms.IntegerField(label="Days until it expires", min_value=1)

    def __init__(self, data: Any = None) -> None:
        super().__init__(data, initial={"days": DEFAULT_DAYS.value}, prefix="key")
        self.fields["days"].widget.attrs["max"] = MAX_DAYS.value

    def wanted(self) -> dict[str, Any]:
        data = self.cleaned_data
        scopes = data["scopes"].replace(",", " ").split()
        return {"name": data["name"], "scopes": scopes, "days": data["days"]}
