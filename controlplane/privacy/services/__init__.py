"""What changes privacy's rows. Every door calls these; nothing else writes."""

from controlplane.privacy.services.consents import answer_policy, record_consent, withdraw_consent
from controlplane.privacy.services.controls import add_evidence, make_report, say_scope
from controlplane.privacy.services.copies import copied_at, report_copy
from controlplane.privacy.services.erasing import erase
from controlplane.privacy.services.exporting import export, require_export
from controlplane.privacy.services.holding import lift_hold, place_hold
from controlplane.privacy.services.policies import publish_policy
from controlplane.privacy.services.requests import ask_erasure, hold, release, withdraw

__all__ = [
    "add_evidence",
    "answer_policy",
    "ask_erasure",
    "copied_at",
    "erase",
    "export",
    "hold",
    "lift_hold",
    "make_report",
    "place_hold",
    "publish_policy",
    "record_consent",
    "release",
    "report_copy",
    "require_export",
    "say_scope",
    "withdraw",
    "withdraw_consent",
]
