"""Releases on their way: what is deployed where, what stands in the way, how it went."""

from deployments.models.adapters import Adapter
from deployments.models.freezes import Freeze
from deployments.models.gates import Gate
from deployments.models.overview import Feed, Launch, LaunchLine, Merge
from deployments.models.releases import Deployment, DeploymentComponent
from deployments.models.rollouts import Rollout, RolloutEvent, RolloutSample, RolloutStep
from deployments.models.snapshots import Snapshot
from deployments.models.steps import Step, StepAttempt
from deployments.models.windows import MaintenanceWindow, Notice, WindowService

__all__ = [
    "Adapter",
    "Deployment",
    "DeploymentComponent",
    "Feed",
    "Freeze",
    "Gate",
    "Launch",
    "LaunchLine",
    "MaintenanceWindow",
    "Merge",
    "Notice",
    "Rollout",
    "RolloutEvent",
    "RolloutSample",
    "RolloutStep",
    "Snapshot",
    "Step",
    "StepAttempt",
    "WindowService",
]
