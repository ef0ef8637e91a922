"""What changes people and access. Every door calls these; nothing else writes.

Agents, keys and issuers have their own modules beside these (`services.agents`, `.keys`, …).
"""

from controlplane.access.services.break_glass import close_break_glass, open_break_glass
from controlplane.access.services.locks import (
    forgive_failures,
    lock_account,
    lock_of,
    unlock_account,
)
from controlplane.access.services.passwords import check_strength, reset_password, set_password
from controlplane.access.services.people import (
    add_member,
    change_user,
    change_workspace,
    create_user,
    create_workspace,
    deactivate_user,
    invite,
    member_of,
    reactivate_user,
    remove_member,
)
from controlplane.access.services.reviews import (
    decide_line,
    generate_review,
    sign_review,
    this_period,
)
from controlplane.access.services.roles import grant_role, revoke_role
from controlplane.access.services.second_factor import (
    begin_enrolment,
    enrolled_device,
    finish_enrolment,
    make_recovery_codes,
    recovery_codes_left,
    reset_second_factor,
    verify_code,
)
from controlplane.access.services.sessions import (
    end_all_sessions,
    end_session,
    rekey_session,
    renew_second_factor,
    session_in_force,
    sessions_in_force,
    start_session,
    touch_session,
)

__all__ = [
    "add_member",
    "begin_enrolment",
    "change_user",
    "change_workspace",
    "check_strength",
    "close_break_glass",
    "create_user",
    "create_workspace",
    "deactivate_user",
    "decide_line",
    "end_all_sessions",
    "end_session",
    "enrolled_device",
    "finish_enrolment",
    "forgive_failures",
    "generate_review",
    "grant_role",
    "invite",
    "lock_account",
    "lock_of",
    "make_recovery_codes",
    "member_of",
    "open_break_glass",
    "reactivate_user",
    "recovery_codes_left",
    "rekey_session",
    "remove_member",
    "renew_second_factor",
    "reset_password",
    "reset_second_factor",
    "revoke_role",
    "session_in_force",
    "sessions_in_force",
    "set_password",
    "sign_review",
    "start_session",
    "this_period",
    "touch_session",
    "unlock_account",
    "verify_code",
]
