"""Forms of channels, of days that differ, and of calendars."""

from __future__ import annotations

from typing import Any
from zoneinfo import available_timezones

from django import forms

from controlplane.lib.given import refuse
from controlplane.oncall import numbers
from incidents.models import Holiday, SupportChannel


class ChannelForm(forms.Form):
    title = forms.CharField(label="Name", max_length=80)
    about = forms.CharField(label="What it is for", max_length=300, required=False)
    address = forms.CharField(
        label="Where", max_length=200, required=False, help_text="As #support or help@example.com."
    )
    time_zone = forms.CharField(label="Time zone", max_length=64)
    hours = forms.CharField(
        label="Hours", max_length=2_000, widget=forms.Textarea(attrs={"rows": 4}),
        help_text="Days and hours, one a line: mon-fri 09:00-12:30 13:00-17:00. By the wall of its"
        " time zone. What goes past midnight is two lines.",
    )  # fmt: skip
    rests = forms.BooleanField(label="Rests on holidays", required=False)
    position = forms.IntegerField(label="Place in the list", min_value=0, max_value=10_000)

    def __init__(self, data: Any, row: SupportChannel | None) -> None:
        super().__init__(data, label_suffix="")
        if row is None:
            self.fields = {
                "slug": forms.CharField(label="Short name", max_length=40,
                                        help_text="Small letters, digits and hyphens."),
                **self.fields,
            }  # fmt: skip
            self.initial = {"time_zone": "UTC", "rests": True, "position": 100}
            return
        for name in self.fields:
            self.initial[name] = getattr(row, name)
        self.initial["hours"] = "\n".join(row.hours)

    def clean_time_zone(self) -> str:
        zone = str(self.cleaned_data["time_zone"])
        if zone not in available_timezones():
            raise forms.ValidationError("No such time zone.")
        return zone


class HolidayForm(forms.Form):
    day = forms.DateField(label="Day", widget=forms.DateInput(attrs={"type": "date"}))
    title = forms.CharField(label="What it is", max_length=120)
    hours = forms.CharField(
        label="Open in spite of it", max_length=120, required=False,
        help_text="As 09:00-12:00. Empty: closed.",
    )  # fmt: skip

    def __init__(self, data: Any, row: Holiday | None) -> None:
        super().__init__(data, label_suffix="")
        for name in self.fields:
            self.initial[name] = getattr(row, name) if row is not None else None


class HolidaysForm(forms.Form):
    file = forms.FileField(label="Calendar file", required=False)
    calendar = forms.CharField(
        label="Or its text", required=False, strip=False, empty_value="",
        widget=forms.Textarea(attrs={"rows": 6, "spellcheck": "false"}),
        help_text="What begins with BEGIN:VCALENDAR.",
    )  # fmt: skip
    seen = forms.CharField(required=False, max_length=40, widget=forms.HiddenInput)

    def raw(self) -> bytes:
        given = self.cleaned_data.get("file")
        if given is None:
            return str(self.cleaned_data["calendar"]).encode("utf-8", "replace")
        if given.size > numbers.CALENDAR_BYTES.value:
            raise refuse("file", f"At most {numbers.CALENDAR_BYTES.value // 1024} KiB.")
        return bytes(given.read())
