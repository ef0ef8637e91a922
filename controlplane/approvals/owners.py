"""The apps that ask: each registers, under a name, what to do with an answer.

    owners.register(
        "flags.change",
        on_decided=apply,            # (request, actor): approved, rejected or changes_requested
        on_closed=give_up,           # (request, actor): expired, withdrawn, void or superseded
        on_lent=hear,                # (delegation, actor): of one request, to somebody else
        on_exported=hear,            # (request, kind, actor): handed out as a file
        current_packet=what_stands,  # (request) -> dict, or None when its subject is gone
        hold=lock_the_subject,       # (request): takes the locks on the subject's rows
        link=page_of,                # (request) -> "/…"
        desk_link=desk_page_of,      # the same for readers of the desk
        sections=what_is_called_how, # () -> [(slug, title, names in the packet)], in order
        terms=in_words,              # (request, desk) -> packet.Terms: its names and codes in words
        previews=what_they_look_like, # (request, desk) -> {address in the packet: file to show}
    )

All of them run in the transaction of the change, and a failure undoes it: there is no approved
request whose subject never heard of it.

`current_packet` is asked before every approval. If its hash differs from what was asked for, the
approval is refused with the difference, and the request is void: its subject moved on. An owner
that leaves it out says that its packets stand for themselves.

Locks are taken in one order: the work item where a row is written that names it (`work.refer`),
the subject's rows, then the request. An owner that changes its subject and then calls `void` has
done so already; before `ask` and `revise`, which write a request that names the item, it calls
`refer` first of all. Where people decide, `hold` is how the kernel does it in the same order; to
decide writes no key to the item, and waits for nobody who works on it. In another order two could
wait for each other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from controlplane.approvals.models import Delegation, Request
from controlplane.approvals.shown.packet import NO_TERMS, Terms
from controlplane.lib.actors import Actor

Hook = Callable[[Request, Actor], None]


@dataclass(frozen=True, slots=True)
class Owner:
    name: str
    label: str
    on_decided: Hook | None = None
    on_closed: Hook | None = None
    on_lent: Callable[[Delegation, Actor], None] | None = None
    on_exported: Callable[[Request, str, Actor], None] | None = None
    current_packet: Callable[[Request], Mapping[str, Any] | None] | None = None
    hold: Callable[[Request], None] | None = None
    link: Callable[[Request], str] | None = None
    desk_link: Callable[[Request], str] | None = None
    sections: Callable[[], Sequence[tuple[str, str, tuple[str, ...]]]] | None = None
    terms: Callable[[Request, bool], Terms] | None = None
    previews: Callable[[Request, bool], Mapping[str, Mapping[str, Any]]] | None = None
    panel_template: str = ""  # drawn on the packet's page with `approval` in its context
    # The packet is all there is: whoever asked may put another in its place. Elsewhere the
    # subject is changed, and its app asks again.
    free_packets: bool = False


OWNERS: dict[str, Owner] = {}


def register(name: str, *, label: str = "", **hooks: Any) -> Owner:
    """Once per name, in `apps.py`. Two owners of one name are a bug found at start."""
    owner = Owner(name, label or name, **hooks)
    if OWNERS.setdefault(name, owner) != owner:
        raise ValueError(f"approvals: {name} has two owners")
    return owner


BY_HAND = register("by_hand", label="Asked by hand", free_packets=True)


def get(name: str) -> Owner:
    """The owner of this name. One that this release no longer has answers nothing: its requests
    stay readable and can be decided, and nobody hears of it."""
    return OWNERS.get(name) or Owner(name, name)


def link(request: Request, *, desk: bool = False) -> str:
    """Where the subject's own page is; empty when there is none."""
    owner = get(request.owner)
    find = owner.desk_link if desk else owner.link
    return find(request) if find is not None else ""


def sections(request: Request) -> Sequence[tuple[str, str, tuple[str, ...]]]:
    """Parts of the packet that its owner has titles for."""
    owner = get(request.owner)
    return owner.sections() if owner.sections is not None else ()


def terms(request: Request, *, desk: bool = False) -> Terms:
    """What its owner calls what stands in the packet."""
    owner = get(request.owner)
    return owner.terms(request, desk) if owner.terms is not None else NO_TERMS
