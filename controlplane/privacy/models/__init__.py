"""Tables of privacy and of compliance."""

from controlplane.privacy.models.compliance import ComplianceReport, ControlEvidence, ControlScope
from controlplane.privacy.models.holds import LegalHold
from controlplane.privacy.models.people import (
    Consent,
    DataRefresh,
    DeletionRequest,
    PrivacyPolicy,
)

__all__ = [
    "ComplianceReport",
    "Consent",
    "ControlEvidence",
    "ControlScope",
    "DataRefresh",
    "DeletionRequest",
    "LegalHold",
    "PrivacyPolicy",
]
