"""Forms of the access pages. They only shape input; every rule is a service's."""

from __future__ import annotations

import zoneinfo
from datetime import date, timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from controlplane.access import policy
from controlplane.access.models import Workspace
from controlplane.access.services.passwords import MAX_LENGTH
from controlplane.lib import clock

FURTHEST = timedelta(days=3653)  # a role's end; beyond it dates overflow somewhere
_MISMATCH = "The two passwords differ."


class SignInForm(forms.Form):
    email = forms.EmailField(
        label="E-mail",
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "username", "autofocus": True}),
    )
    password = forms.CharField(
        max_length=MAX_LENGTH,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )


class CodeForm(forms.Form):
    """Takes a code of the app or a recovery code: whoever lost the phone needs no second page."""

    code = forms.CharField(
        max_length=40,
        widget=forms.TextInput(
            attrs={"autocomplete": "one-time-code", "autofocus": True, "spellcheck": "false"}
        ),
    )


class EnrolForm(forms.Form):
    code = forms.CharField(
        label="Code from the app",
        max_length=10,
        widget=forms.TextInput(
            attrs={"autocomplete": "one-time-code", "inputmode": "numeric", "autofocus": True}
        ),
    )


class NewPasswordForm(forms.Form):
    password = forms.CharField(
        label="New password",
        max_length=MAX_LENGTH,
        strip=False,
        help_text="At least 12 characters; a few words are good.",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    again = forms.CharField(
        label="New password, again",
        max_length=MAX_LENGTH,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("password") != data.get("again") and "again" in data:
            self.add_error("again", _MISMATCH)
        return data


class ChangePasswordForm(NewPasswordForm):
    current = forms.CharField(
        label="Current password",
        max_length=MAX_LENGTH,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password", "autofocus": True}),
    )
    field_order = ["current", "password", "again"]


class AskResetForm(forms.Form):
    email = forms.EmailField(
        label="E-mail",
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "username", "autofocus": True}),
    )


class ProfileForm(forms.Form):
    name = forms.CharField(max_length=120, widget=forms.TextInput(attrs={"autocomplete": "name"}))
    time_zone = forms.ChoiceField(
        choices=lambda: [(name, name) for name in sorted(zoneinfo.available_timezones())]
    )


def role_choices() -> list[tuple[str, str]]:
    return [(slug, label) for slug, (label, _) in policy.ROLES.items() if slug in policy.PEOPLE]


def _roles_to_choose() -> list[tuple[str, str]]:
    """None is chosen beforehand: the first of them makes an administrator."""
    return [("", "Choose a role"), *role_choices()]


class InviteForm(forms.Form):
    email = forms.EmailField(
        label="E-mail", max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "off"})
    )
    name = forms.CharField(max_length=120, widget=forms.TextInput(attrs={"autocomplete": "off"}))
    role = forms.ChoiceField(choices=_roles_to_choose)


class GrantForm(forms.Form):
    role = forms.ChoiceField(choices=_roles_to_choose)
    expires_at = forms.DateField(
        label="Until",
        required=False,
        help_text="Empty: until it is revoked.",
        widget=forms.DateInput(attrs={"type": "date"}),
    )
    reason = forms.CharField(max_length=300, required=False)

    def clean_expires_at(self) -> date | None:
        day: date | None = self.cleaned_data["expires_at"]
        if day is not None and day > clock.now().date() + FURTHEST:
            raise ValidationError("At most ten years ahead. Leave it empty for no end.")
        return day


class SignReviewForm(forms.Form):
    version = forms.IntegerField(widget=forms.HiddenInput, min_value=1)
    statement = forms.CharField(
        label="What you sign",
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="For example: I have read every line; each role and key left is needed.",
    )


class BreakGlassForm(forms.Form):
    workspace = forms.ModelChoiceField(
        queryset=Workspace.objects.none(), to_field_name="slug", empty_label="Choose one"
    )
    reason = forms.CharField(max_length=300, widget=forms.Textarea(attrs={"rows": 2}))
    hours = forms.IntegerField(min_value=1, initial=1)

    def __init__(self, *args: Any, most: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        workspaces = self.fields["workspace"]
        assert isinstance(workspaces, forms.ModelChoiceField)
        workspaces.queryset = Workspace.objects.open()
        hours = self.fields["hours"]
        assert isinstance(hours, forms.IntegerField)
        hours.max_value = most
        hours.widget.attrs["max"] = most
