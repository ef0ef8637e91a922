# The playbook's own commands, as it writes them.
bd init                    # once per clone; seeds .beads/
bd list --status open      # confirm the backlog is visible
bd ready --limit 10

DEPLOY_VERSION="2025.10.16"
DEPLOY_ISSUE=$(bd create "Deploy ${DEPLOY_VERSION} to production" -p 1 -t task -l "ops,deployment" --json | jq -r '.id')
bd comment "$DEPLOY_ISSUE" "CI build: https://ci.example.com/runs/123"

INCIDENT=$(bd create "SEV1: API outage" -p 0 -t incident -l "incident,sev1" --json | jq -r '.id')
bd update "$INCIDENT" --status in_progress --assignee "$ONCALL_EMAIL"
bd comment "$INCIDENT" "Symptoms, start time, affected tenants"

MAINT=$(bd create "Q4 scheduled maintenance" -p 2 -t task -l "maintenance" --json | jq -r '.id')
bd dep add "$MAINT" "$DEPLOY_ISSUE" --type parent-child
bd dep tree "$MAINT"

BLOCKER=$(bd create "Rotate the key" --json | jq -r '.id')
bd dep add "$INCIDENT" "$BLOCKER" --type blocks
bd dep tree "$INCIDENT"
bd dep cycles
bd ready --priority 0
bd list --status in_progress
bd close "$BLOCKER" --reason "Mitigated"

# Before a deployment: locate or create its issue.
DEPLOY_ISSUE=$(bd ready --tag ops --json | jq -r 'map(select(.title|test("Deploy"))) | .[0].id // empty')
[[ -z "$DEPLOY_ISSUE" ]] && DEPLOY_ISSUE=$(bd create "Deploy ${RELEASE_TAG}" -p 1 -t task -l "ops,deployment" --json | jq -r '.id')
bd update "$DEPLOY_ISSUE" --status in_progress
bd ready --status open --tag ops
bd dep tree "$DEPLOY_ISSUE"
bd update "$DEPLOY_ISSUE" --status in_progress --assignee "$ONCALL_EMAIL"
bd ready --tag ops
bd comment "$DEPLOY_ISSUE" "Evidence: docs/readiness/${DEPLOY_VERSION}/"
bd comment "$DEPLOY_ISSUE" "Fly deploy $(date -Is)"

# Cohorts, follow-ups, warnings.
COHORT=$(bd create "10% cohort" --json | jq -r '.id')
bd dep add "$COHORT" "$DEPLOY_ISSUE" --type parent-child
FOLLOW_UP=$(bd create "Alert earlier" --json | jq -r '.id')
bd dep add "$FOLLOW_UP" "$INCIDENT" --type discovered-from
bd create "SEV1: latency" -p 0 -t incident
bd update "$COHORT" --status in_progress --tag warning
bd close "$INCIDENT" --reason "Mitigated at $(date -Is); root cause a lost key"
MAINT=$(bd create "Scheduled maintenance" -p 2 -t task -l maintenance --json | jq -r '.id')
bd dep add "$BLOCKER" "$MAINT" --type parent-child
bd dep tree "$MAINT"
bd close "$COHORT" --reason "healthy"
bd init
