"""What the kernel's actions are called in timelines and in the audit log (`audit.words`)."""

from __future__ import annotations

from controlplane.access import policy
from controlplane.audit import words

ACCESS = {
    "account": {
        "set_password": "change/changed the password",
        "reset_password": "set/set a new password",
        "enrol_factor": "set/set up a second factor",
        "make_recovery_codes": "make/made new recovery codes",
        "use_recovery_code": "use/used a recovery code",
    },
    "session": {
        "start": "sign/signed in",
        "confirm": "confirm/confirmed who they are",
        "end": "end/ended a session",
        "end_all": "end/ended all sessions",
    },
    "workspace": {
        "create": "create/created the workspace",
        "manage": "change/changed the workspace",
    },
    "member": {
        "add": "add/added a member",
        "remove": "remove/removed a member",
        "create_user": "open/opened the account",
        "change_user": "change/changed the account",
        "make_superuser": "change/changed who is a superuser",
        "grant": "grant/granted the role",
        "revoke": "take/took back the role",
        "lock": "lock/locked the account",
        "unlock": "unlock/unlocked the account",
        "deactivate": "close/closed the account",
        "erase": "erase/erased the account",
        "reactivate": "open/opened the account again",
        "reset_factor": "reset/reset the second factor",
        "end_session": "end/ended somebody's session",
        "forgive_failures": "forgive/forgave failed sign-ins",
        "manage": "change/changed a member",
    },
    "agent": {
        "create": "create/created the agent",
        "change": "change/changed the agent",
        "deactivate": "deactivate/deactivated the agent",
        "reactivate": "reactivate/reactivated the agent",
        "end_tokens": "end/ended the agent's tokens",
    },
    "key": {
        "issue": "issue/issued the key",
        "rotate": "rotate/rotated the key",
        "revoke": "revoke/revoked the key",
        "trust_issuer": "trust/trusted the token issuer",
        "distrust_issuer": "distrust/distrusted the token issuer",
        "change_issuer": "change/changed the token issuer",
        "fetch_issuer_keys": "fetch/fetched the issuer's keys",
    },
    "token": {"issue": "issue/issued a token", "revoke": "revoke/revoked a token"},
    "access_review": {
        "generate": "prepare/prepared the access review",
        "decide": "decide/decided a line of the access review",
        "sign": "sign/signed the access review",
    },
    "break_glass": {
        "open": "enter/entered by break-glass",
        "close": "end/ended the break-glass",
    },
}
ENGINE = {
    "audit": {
        "export": "export/exported the audit log",
        "verify": "verify/verified the audit log",
        "prepare_review": "prepare/prepared the weekly audit review",
        "review": "sign/signed the weekly audit review",
        "prune": "let/let go events past their time",
    },
    "backup": {
        "report": "report/reported the backup",
        "drill": "restore/restored a backup for practice",
        "restore": "restore/restored the backup",
    },
    "job": {
        "run": "start/started the job",
        "cancel": "stop/stopped the run",
        "manage": "change/changed the job",
        "manage:on": "switch/switched on the job",
        "manage:off": "switch/switched off the job",
        "manage:timer": "change/changed the timer",
        "manage:timer:waiting": "run/ran the timer now",
        "manage:timer:cancelled": "cancel/cancelled the timer",
    },
    "obligation": {
        "fulfil": "record/recorded the obligation as done",
        "sign": "sign/signed what was recorded",
        "manage": "change/changed the obligation",
        "remind": "send/sent a reminder",
    },
    "signal": {"replay": "replay/replayed the signal"},
    "throttle": {"set": "set/set a rate limit", "lift": "lift/lifted the rate limit"},
    "retention": {"run": "clean/cleaned up what is past its time"},
    "view": {
        "save": "change/changed the saved list",
        "save:add": "save/saved the list",
        "save:remove": "delete/deleted the saved list",
    },
}
AROUND = {
    "notify": {
        "replay": "replay/replayed the dead letter",
        "manage_channels": "test/tested the channel",
        "manage_channels:change": "change/changed the channel",
        "manage_channels:add": "add/added the channel",
        "manage_channels:on": "switch/switched on the channel",
        "manage_channels:off": "switch/switched off the channel",
        "manage_channels:messagetemplate": "change/changed the wording",
        "manage_channels:messagetemplate:add": "set/set own words",
        "manage_channels:messagetemplate:remove": "go/went back to the shipped wording",
        "set_preference": "change/changed what reaches them",
        "set_quiet_hours": "set/set quiet hours",
        "set_methods": "change/changed how they are reached",
        "set_methods:add": "add/added a way to be reached",
        "set_methods:off": "remove/removed a way to be reached",
        "answer": "answer/answered a message",
    },
    "contact": {
        "manage": "verify/verified the contact",
        "manage:change": "change/changed the contact",
        "manage:add": "add/added the contact",
        "manage:off": "remove/removed the contact",
    },
    "catalog": {
        "manage": "change/changed the catalog",
        **{
            f"manage:{kind}{change}": f"{to_do}/{did} the {kind}"
            for kind in ("service", "component", "environment", "integration", "probe")
            for change, to_do, did in (
                ("", "change", "changed"),
                (":add", "add", "added"),
                (":on", "switch", "switched on"),
                (":off", "switch", "switched off"),
            )
        },
        "manage:retired": "retire/retired the service",
        "manage:service:active": "take/took back the service",
        "trip": "change/changed the breaker",
        "trip:open": "open/opened the breaker",
        "trip:closed": "close/closed the breaker",
        "trip:half_open": "let/let one try",
        "report": "report/reported how calls went",
        "report:open": "open/opened the breaker after failures",
        "report:half_open": "let/let one caller try",
        "report:closed": "close/closed the breaker after a success",
        "report:probe": "report/reported what a probe saw",
        "report:probe:up": "see/saw it up",
        "report:probe:down": "see/saw it down",
        "report:probe:unknown": "lose/lost sight of it",
    },
    "vault": {
        "manage": "change/changed what is noted of the secret",
        "manage:vaultsecret:add": "note/noted the secret",
        "manage:vaultsecret:on": "take/took back the secret",
        "manage:vaultsecret:off": "retire/retired the secret",
        "rotate": "rotate/rotated the secret",
    },
}


def register() -> None:
    for table in (ACCESS, ENGINE, AROUND):
        for area, entries in table.items():
            words.define(area, entries)
    for name, entry in policy.ACTIONS.items():
        words.label(name, entry.label)
