"""The controls: what each demands, who answers for it, and which live rows prove it.

A control is met in a period when everything it demands is. What a standard calls it stands beside
it, for whoever comes with the standard's list: SOC 2 (trust services criteria) and ISO 27001:2022
(annex A).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from controlplane.privacy.compliance import duties, proofs_access, proofs_people, proofs_running
from controlplane.privacy.compliance.readings import Reader, duty, files, rule

Area = Literal["Access", "Change and recovery", "Incidents", "Security checks", "People's data"]


@dataclass(frozen=True, slots=True)
class Demand:
    """One thing that has to be shown. `supports`: it is told beside the others and never decides,
    since nothing may have happened."""

    slug: str
    title: str
    read: Reader
    supports: bool = False
    duty: str = ""  # the recurring obligation it is read from


def owed(slug: str, title: str, obligation: str) -> Demand:
    return Demand(slug, title, duty(obligation), duty=obligation)


@dataclass(frozen=True, slots=True)
class Control:
    slug: str
    title: str
    area: Area
    demands: tuple[Demand, ...]
    about: str
    owner_role: str
    cadence: Literal["quarterly", "yearly"] = "quarterly"
    standards: tuple[str, ...] = ()
    asks_files: bool = field(default=False)


CONTROLS: tuple[Control, ...] = (
    Control(
        "access-review",
        "Access is reviewed and certified",
        "Access",
        (Demand("review", "The quarter's list is decided and signed",
                proofs_access.review_of_access),),
        "Each role and each key is confirmed or revoked by a named person, and the list is signed.",
        "security_lead",
        standards=("SOC 2 CC6.2, CC6.3", "ISO A.5.18"),
    ),
    Control(
        "audit-log",
        "The audit log is whole, and read",
        "Access",
        (
            Demand("whole", "The log is proved unaltered", proofs_access.log_is_whole),
            Demand("read", "Each week's extract is read and signed", proofs_access.log_is_read),
        ),
        "Every change and every refusal is kept for a year, sealed, proved each night, and read by"
        " the security lead each week.",
        "security_lead",
        standards=("SOC 2 CC7.2", "ISO A.8.15"),
    ),
    Control(
        "privileged-access",
        "Privileged access is the exception, with a reason",
        "Access",
        (Demand("glass", "Each break-glass has a reason and an end", proofs_access.glass_broken),),
        "Whoever acts without a role says why, and their way in ends by itself.",
        "security_lead",
        standards=("SOC 2 CC6.1", "ISO A.8.2"),
    ),
    Control(
        "secrets",
        "Secrets are rotated",
        "Access",
        (
            owed("rotated", "The rotation is recorded", duties.SECRETS),
            Demand("age", "None is older than it may be", rule("console.secrets")),
        ),
        "Keys and passwords, the portal's and the vault's, change in time; their age is shown,"
        " never they.",
        "security_lead",
        standards=("SOC 2 CC6.1", "ISO A.5.17, A.8.24"),
    ),
    Control(
        "changes",
        "Changes are approved before they go live",
        "Change and recovery",
        (
            Demand("deployments", "What became live was approved before",
                   proofs_running.changes_approved),
            Demand("decisions", "Questions are decided by named people",
                   proofs_running.decisions, supports=True),
        ),
        "Nothing reaches the people who use it without the signatures its policy asks for.",
        "release_manager",
        standards=("SOC 2 CC8.1", "ISO A.8.32"),
    ),
    Control(
        "backups",
        "Data is saved daily and comes back in time",
        "Change and recovery",
        (
            Demand("daily", "A good backup on each day", proofs_running.backed_up_daily),
            Demand("restored", "A restore was practised, within RTO and RPO",
                   proofs_running.restored_for_practice),
            owed("reviewed", "Recovery is reviewed", "backups.recovery_review"),
        ),
        "Backups are taken each day and kept 30 days; a restore is practised and measured: back"
        " within four hours, with a day of work lost at most.",
        "database_lead",
        standards=("SOC 2 A1.2, A1.3", "ISO A.8.13, A.5.30"),
    ),
    Control(
        "storage-versions",
        "Deleted files stay recoverable for 30 days",
        "Change and recovery",
        (owed("shown", "Versions of storage are shown to be kept", duties.STORAGE),),
        "Storage keeps what was deleted or overwritten for 30 days.",
        "sre_liaison",
        standards=("SOC 2 A1.2", "ISO A.8.13"),
    ),
    Control(
        "incidents",
        "Incidents are answered and written up",
        "Incidents",
        (
            Demand("reports", "Each incident that owes a report has one",
                   proofs_running.incidents_reviewed),
            Demand("drills", "The response is practised", proofs_running.response_drilled),
            owed("runbooks", "Runbooks are tried", "runbooks.validation"),
        ),
        "Every incident that matters has a report with its causes and what follows; paging and"
        " runbooks are practised.",
        "operations_command",
        standards=("SOC 2 CC7.3–CC7.5", "ISO A.5.24–A.5.28"),
    ),
    Control(
        "monitoring",
        "What runs is watched, and the watch is checked",
        "Incidents",
        (
            owed("telemetry", "The weekly telemetry audit is signed", "telemetry.weekly_audit"),
            owed("governance", "The weekly governance check is signed",
                 "missions.weekly_governance"),
        ),
        "Telemetry is complete, and agents keep to what they may do: checked weekly, by name.",
        "telemetry_analyst",
        standards=("SOC 2 CC4.1, CC7.2", "ISO A.8.16"),
    ),
    Control(
        "checklist",
        "The compliance checklist is gone through",
        "Security checks",
        (owed("signed", "It is recorded, and signed by a second person", duties.CHECKLIST),),
        "Once a quarter somebody reads this page control by control, and another signs.",
        "compliance",
        standards=("SOC 2 CC4.1, CC4.2", "ISO A.5.36"),
    ),
    Control(
        "dependencies",
        "Dependencies are audited",
        "Security checks",
        (
            owed("recorded", "The audit is recorded", duties.DEPENDENCIES),
            Demand("report", "Its report is kept", files("dependencies", "The report")),
        ),
        "Known weaknesses of what the product is built from are found and put right.",
        "engineering_lead",
        standards=("SOC 2 CC7.1", "ISO A.8.8"),
        asks_files=True,
    ),
    Control(
        "penetration-test",
        "A penetration test is done each year",
        "Security checks",
        (
            owed("recorded", "The test is recorded and signed", duties.PENETRATION_TEST),
            Demand("report", "Its report is kept", files("penetration-test", "The report")),
        ),
        "People from outside try to break in once a year; what they find becomes work.",
        "security_lead",
        cadence="yearly",
        standards=("SOC 2 CC4.1", "ISO A.8.29"),
        asks_files=True,
    ),
    Control(
        "retention",
        "Data is kept as long as it should be, and no longer",
        "People's data",
        (
            Demand("cleaned", "Every class with an end is cleaned up", proofs_people.cleaned_up),
            Demand("holds", "Legal holds", proofs_people.holds_stand, supports=True),
        ),
        "Each class of data has a time; clean-up leaves a record, a hold stops it.",
        "privacy_officer",
        standards=("SOC 2 C1.2, P4.2", "ISO A.8.10"),
    ),
    Control(
        "erasure",
        "Who asks is forgotten within 30 days",
        "People's data",
        (Demand("in-time", "Each erasure is done in time", proofs_people.erased_in_time),),
        "What the portal holds about a person goes within 30 days of their asking; what is kept,"
        " and why, is said.",
        "privacy_officer",
        standards=("SOC 2 P4.3, P5.2", "GDPR art. 17"),
    ),
    Control(
        "consent",
        "People are told, and asked",
        "People's data",
        (Demand("policy", "A privacy policy is in force, with its answers",
                proofs_people.people_told),),
        "A privacy policy says what is kept and why; each answer is kept with its version.",
        "privacy_officer",
        standards=("SOC 2 P1.1, P2.1", "GDPR art. 7, 13"),
    ),
    Control(
        "test-data",
        "Testing happens without people's data",
        "People's data",
        (
            owed("refreshed", "Staging is refreshed weekly, and signed", "staging_data_refresh"),
            Demand("copies", "Copies without people", proofs_people.tested_without_people,
                   supports=True),
        ),
        "Production is copied for testing only after people were taken out of it.",
        "database_lead",
        standards=("ISO A.8.11, A.8.33",),
    ),
)  # fmt: skip
BY_SLUG = {control.slug: control for control in CONTROLS}
