"""Alerts and where they come from, incidents, and who is called for them."""

from incidents.models.alerts import Alert, AlertEvent, Silence
from incidents.models.coverage import Holiday, SupportChannel
from incidents.models.drills import Drill
from incidents.models.knowledge import (
    Article,
    ArticleVersion,
    CannedReply,
    SupportDoor,
    TicketRating,
)
from incidents.models.paging import (
    EscalationPolicy,
    EscalationRun,
    Page,
    PersonalRule,
    PolicyVersion,
)
from incidents.models.records import Incident
from incidents.models.response import (
    Action,
    Check,
    Correction,
    Decision,
    MissedUpdate,
    Update,
)
from incidents.models.responses import ResponsePolicy
from incidents.models.reviews import IncidentReview, ReviewAction
from incidents.models.routing import RoutingRule, SeverityLevel
from incidents.models.runbooks import (
    Runbook,
    RunbookRun,
    RunbookStep,
    RunbookUse,
    RunbookValidation,
    RunbookVersion,
)
from incidents.models.sources import AlertSource, InboundEvent
from incidents.models.status import StatusDocument, StatusPage, StatusSubscriber
from incidents.models.support import (
    Ticket,
    TicketEdit,
    TicketMail,
    TicketMessage,
    TicketMiss,
)

__all__ = [
    "Action",
    "Alert",
    "AlertEvent",
    "AlertSource",
    "Article",
    "ArticleVersion",
    "CannedReply",
    "Check",
    "Correction",
    "Decision",
    "Drill",
    "EscalationPolicy",
    "EscalationRun",
    "Holiday",
    "InboundEvent",
    "Incident",
    "IncidentReview",
    "MissedUpdate",
    "Page",
    "PersonalRule",
    "PolicyVersion",
    "ResponsePolicy",
    "ReviewAction",
    "RoutingRule",
    "Runbook",
    "RunbookRun",
    "RunbookStep",
    "RunbookUse",
    "RunbookValidation",
    "RunbookVersion",
    "SeverityLevel",
    "Silence",
    "StatusDocument",
    "StatusPage",
    "StatusSubscriber",
    "SupportChannel",
    "SupportDoor",
    "Ticket",
    "TicketEdit",
    "TicketMail",
    "TicketMessage",
    "TicketMiss",
    "TicketRating",
    "Update",
]
