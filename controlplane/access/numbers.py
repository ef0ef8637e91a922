"""The numbers of signing in and of access, each with its reason."""

from __future__ import annotations

from controlplane.lib.defaults import define

SESSION_IDLE_MINUTES = define(
    "access.session_idle_minutes",
    30,
    unit="minutes",
    why="An unattended browser is signed out after this long without a request.",
)
SESSION_HOURS = define(
    "access.session_hours",
    12,
    unit="hours",
    why="One working day: however busy, a person signs in again after it.",
)
SESSION_TOUCH_SECONDS = define(
    "access.session_touch_seconds",
    60,
    unit="seconds",
    why="How often a session's last use is written at most, so that reading costs no writes.",
)
RECENT_FACTOR_MINUTES = define(
    "access.recent_factor_minutes",
    5,
    unit="minutes",
    why="Age of the second factor up to which a sensitive action needs no new one.",
)
PENDING_MINUTES = define(
    "access.pending_sign_in_minutes",
    10,
    unit="minutes",
    why="Time between the password and the code; enrolling a phone takes a few minutes.",
)
FAILURES_PER_ACCOUNT = define(
    "access.failures_per_account",
    5,
    why="Wrong passwords or codes for one account within the window before sign-in pauses.",
)
FAILURES_PER_ADDRESS = define(
    "access.failures_per_address",
    30,
    why="Wrong passwords from one address within the window; an office shares an address.",
)
RESETS_PER_ADDRESS = define(
    "access.resets_per_address",
    10,
    why="Password reset mails asked for from one address within the window.",
)
RESETS_PER_ACCOUNT = define(
    "access.resets_per_account",
    3,
    why="Password reset mails for one e-mail address within the window: nobody's inbox is flooded.",
)
FAILURE_WINDOW_MINUTES = define(
    "access.failure_window_minutes",
    15,
    unit="minutes",
    why="Window in which failures are counted, and so about the length of the pause.",
)
RESET_LINK_MINUTES = define(
    "access.reset_link_minutes",
    60,
    unit="minutes",
    why="Life of a link that sets a password.",
)
RECOVERY_CODES = define(
    "access.recovery_codes", 10, why="Recovery codes made at once; each is good for one sign-in."
)
BREAK_GLASS_HOURS = define(
    "access.break_glass_hours",
    4,
    unit="hours",
    why="Longest break-glass. Whoever needs more opens a new one with a new reason.",
)
REVIEW_AT_ONCE = define(
    "access.review_at_once",
    500,
    unit="lines",
    why="Lines one press confirms as unchanged: each is an audit row, and a page must answer.",
)
REVIEW_DUE_DAYS = define(
    "access.review_due_days",
    14,
    unit="days",
    why="Time from making an access review to its signature.",
)
