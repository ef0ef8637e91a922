"""What a browser calls itself, as a person would say it: "Firefox on Linux".

Only what the header plainly says: it is the browser's own word, easily forged and often vague. The
whole of it stays beside the words for whoever wants it.
"""

from __future__ import annotations

# The first that is found: each also claims to be the ones below it.
_BROWSERS = (
    (("Edg/", "EdgA/", "EdgiOS/"), "Edge"),
    (("OPR/", "OPT/"), "Opera"),
    (("SamsungBrowser/",), "Samsung Internet"),
    (("Firefox/", "FxiOS/"), "Firefox"),
    (("Chrome/", "CriOS/"), "Chrome"),
    (("Safari/",), "Safari"),
    (("curl/",), "curl"),
)
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)
_SHOWN = 60


def device_name(text: str) -> str:
    """The browser and the system it names; what names neither stays as it came."""
    browser = next((name for marks, name in _BROWSERS if any(mark in text for mark in marks)), "")
    system = next((name for mark, name in _SYSTEMS if mark in text), "")
    if browser and system:
        return f"{browser} on {system}"
    return browser or system or text.strip()[:_SHOWN] or "Unknown browser"
