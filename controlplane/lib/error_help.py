"""The runbook of each error code: what it means, what to do about it, who can help.

One table, read by the error pages, the page in the console, the API's `Link: …; rel="help"` and
the documents. The envelope of an API error has four members and no room for a fifth; a header has.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

PAGES = "/admin/help/errors/"


@dataclass(frozen=True, slots=True)
class Help:
    """`means` and `do` are sentences for whoever got the error, `ask` names who gets them on.
    `look` is what to do for whoever only wanted to see a page and sent nothing."""

    means: str
    do: str
    ask: str
    look: str = ""


_LINK = re.compile(r"\[([^\]]+)\]\([^)]*\)")


def plain(text: str) -> str:
    """A sentence without its links, for readers who are on no page of the portal."""
    return _LINK.sub(r"\1", text)


OPERATOR = "An operator, with the request id: the audit trail and the log are searched by it."
ADMIN = "A workspace admin: roles and memberships are theirs to give."
NOBODY = "Nobody has to: the request is the caller's own to mend."
COLLEAGUE = "Whoever changed it: the history of the row names them."

HELP: dict[str, Help] = {
    "INVALID_ARGUMENT": Help(
        "A value, a field or the request itself does not have the form it must have.",
        "Read the sentence beside each field (`details` in the API), mend it and send again. "
        "Unchanged, the request fails again. Links that a mail program broke in two end here too.",
        NOBODY,
    ),
    "UNAUTHORIZED": Help(
        "The portal does not know who asks: no credential came, or it is spent, revoked or wrong.",
        "Sign in again. A program gets a new token with its key; when the key itself is refused, "
        "it stops: trying again locks the address out.",
        "Whoever looks after the agent or key; a workspace admin makes a new one.",
    ),
    "FORBIDDEN": Help(
        "Your role does not reach this, your key's scopes leave it out, or the form has expired.",
        "Look up who may under [Roles and actions](/access/roles/), or change the workspace in the "
        "top bar. After sending a form: reload its page and send it again. `/api/v1/me` lists what "
        "a key may do.",
        ADMIN,
        "Look up which roles may under [Roles and actions](/access/roles/), or change the "
        "workspace in the top bar: this may be another one's page.",
    ),
    "INSUFFICIENT_AUTHORITY": Help(
        "Your role reaches actions of this kind, but not of this weight or on this thing.",
        "Have somebody with the authority do it. The sentence says what is missing.",
        "The role that the sentence names; a workspace admin knows who holds it.",
    ),
    "CLAIM_MISMATCH": Help(
        "What the request says about its sender is not what its credential says.",
        "Send the agent and the role that the token was issued for, or leave them out. "
        "`/api/v1/me` says who the portal takes you for.",
        "Whoever looks after the agent; if nobody changed it, tell an operator: it may be a copy.",
    ),
    "WORKSPACE_MISMATCH": Help(
        "The request names a workspace that is not yours, or a thing of another one.",
        "Agents and services belong to one workspace and never name it. People choose one of "
        "their own in the top bar, or by the header `X-Workspace`.",
        ADMIN,
    ),
    "NOT_FOUND": Help(
        "Nothing is at this address, or what is there belongs to another workspace.",
        "Check the address, search for the ref, or change the workspace in the top bar. What has "
        "been deleted by retention is still named in the audit trail.",
        "Whoever gave you the link; an operator finds what has become of it.",
    ),
    "METHOD_NOT_ALLOWED": Help(
        "The address is right, but it does not answer this way (GET, POST, …).",
        "Open the page from the console instead of by its address. A program finds the methods "
        "in the header `Allow` and in `/api/docs/`.",
        NOBODY,
    ),
    "NOT_ACCEPTABLE": Help(
        "The request asks for a form of answer that this address does not have.",
        "Send `Accept: application/json`, or none.",
        NOBODY,
    ),
    "CONFLICT": Help(
        "Somebody else changed, made or holds the same thing at the same moment.",
        "Reload, look at what is there now, and make your change again. A program with a "
        "`Retry-After` waits that long and repeats; without one it reads again and decides again.",
        COLLEAGUE,
    ),
    "IDEMPOTENCY_CONFLICT": Help(
        "This `Idempotency-Key` was used for another request, or the first one is still running.",
        "Use a new key for a new request. For the same request send exactly the same body, and "
        "wait as long as `Retry-After` says.",
        NOBODY,
    ),
    "INVALID_TRANSITION": Help(
        "The thing is in a state from which this step does not lead on.",
        "Reload the page: its buttons are the steps that are open now. The states and their "
        "steps are drawn in the documents (`docs/states.md`).",
        COLLEAGUE,
    ),
    "PRECONDITION_FAILED": Help(
        "The row has changed since you looked: your change was made on an older version.",
        "Reload the page and make your change again on what is there now. A program reads the "
        "row again and sends its new `ETag` as `If-Match`.",
        COLLEAGUE,
    ),
    "TOO_LARGE": Help(
        "The request or a file in it is larger than this address accepts.",
        "Send less at once, or a smaller file. The limits stand under Settings (`api.max_body…`).",
        "An operator can raise a limit where there is a reason to.",
    ),
    "UNSUPPORTED_MEDIA_TYPE": Help(
        "The body came in a form that this address does not read.",
        "Send JSON with `Content-Type: application/json`.",
        NOBODY,
    ),
    "GATE_NOT_MET": Help(
        "A gate stands before this step, and some of its conditions are open.",
        "Meet the conditions that the answer lists (`details.conditions`), then repeat the step.",
        "The owner of each open condition; the page of the gate names them.",
    ),
    "PRECONDITION_REQUIRED": Help(
        "This change is taken only of those who say which version they have seen.",
        "Read the row and send its `ETag` as `If-Match`.",
        NOBODY,
    ),
    "RATE_LIMITED": Help(
        "Too many requests came from this caller or this address in a short time.",
        "Wait as long as `Retry-After` says, then go on more slowly: trying at once makes the "
        "wait longer.",
        "An operator sees and changes the limits under Rate limits.",
    ),
    "INTERNAL": Help(
        "Something broke on our side. Nothing of the request was kept.",
        "Trying once more may help. If it stays, send the request id to an operator: the log "
        "holds the reason under the same id.",
        OPERATOR,
    ),
    "UNAVAILABLE": Help(
        "A part of the portal, or a system behind it, does not answer just now.",
        "Wait as long as `Retry-After` says and try again, with the same `Idempotency-Key` if "
        "you sent one. Operators begin at `/ready`: it names the part that is down.",
        OPERATOR,
    ),
}


def runbook(code: str) -> str:
    """Where the console explains this code."""
    return f"{PAGES}{code}/"


def link(code: str) -> str:
    """The same as a value of the header `Link`."""
    return f'<{runbook(code)}>; rel="help"'
