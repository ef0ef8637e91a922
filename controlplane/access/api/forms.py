"""What goes in and comes out."""

from __future__ import annotations

from rest_framework import serializers

from controlplane.access import policy
from controlplane.access.models import Agent, ApiKey, TrustedIssuer
from controlplane.base.api.serializers import StrictModelSerializer, StrictSerializer

AGENT_ROLES = sorted(policy.AGENTS)
KEY_STATES = ("waiting", "active", "expired", "revoked")
_TEXT = 300


class ReasonInput(StrictSerializer):
    reason = serializers.CharField(max_length=_TEXT, default="", allow_blank=True)


# --- agents ---------------------------------------------------------------------------------------


class AgentOut(StrictModelSerializer):
    """An agent or a service account."""

    owner = serializers.UUIDField(source="owner.uid", allow_null=True, help_text="Who answers.")

    class Meta:
        model = Agent
        fields = [
            "uid",
            "name",
            "kind",
            "role",
            "description",
            "owner",
            "is_active",
            "created_at",
            "last_seen_at",
        ]


class AgentInput(StrictSerializer):
    """An agent has an agent role; a service account has none and lives by its keys' scopes."""

    name = serializers.CharField(max_length=80)
    kind = serializers.ChoiceField(choices=Agent.Kind.values, default=Agent.Kind.AGENT.value)
    role = serializers.ChoiceField(choices=AGENT_ROLES, default="", allow_blank=True)
    description = serializers.CharField(max_length=_TEXT, default="", allow_blank=True)
    owner = serializers.UUIDField(required=False, help_text="uid of a member who answers for it.")


class AgentChange(StrictSerializer):
    """What is sent is changed, the rest stays."""

    name = serializers.CharField(max_length=80, required=False)
    role = serializers.ChoiceField(choices=AGENT_ROLES, required=False)
    description = serializers.CharField(max_length=_TEXT, required=False, allow_blank=True)
    owner = serializers.UUIDField(required=False, allow_null=True)
    reason = serializers.CharField(max_length=_TEXT, default="", allow_blank=True)


# --- keys -----------------------------------------------------------------------------------------


class KeyOut(StrictModelSerializer):
    """An API key. Its secret was shown when it was made, and never again."""

    agent = serializers.UUIDField(source="agent.uid", allow_null=True)
    person = serializers.UUIDField(source="user.uid", allow_null=True)
    rotated_from = serializers.UUIDField(source="rotated_from.uid", allow_null=True)
    state = serializers.ChoiceField(choices=KEY_STATES, source="*")

    class Meta:
        model = ApiKey
        fields = [
            "uid",
            "name",
            "prefix",
            "agent",
            "person",
            "scopes",
            "state",
            "created_at",
            "created_by",
            "not_before",
            "expires_at",
            "last_used_at",
            "revoked_at",
            "revoked_by",
            "rotated_from",
        ]

    scopes = serializers.ListField(
        child=serializers.CharField(), help_text="Empty: whatever the role may do."
    )


class NewKeyOut(KeyOut):
    """A new API key, with its secret for the only time."""

    key = serializers.CharField(
        source="*",
        allow_null=True,
        help_text="Shown once. A repeat by Idempotency-Key answers null: rotate instead.",
    )

    class Meta(KeyOut.Meta):
        fields = [*KeyOut.Meta.fields, "key"]


class OwnKeyInput(StrictSerializer):
    """A key with the caller's own rights in the workspace, or fewer."""

    name = serializers.CharField(max_length=80)
    scopes = serializers.ListField(
        child=serializers.CharField(max_length=80),
        max_length=50,
        default=list,
        help_text="`area.verb`, `area.*` or `*`. Empty: whatever the owner may do.",
    )
    days = serializers.IntegerField(required=False, min_value=1, max_value=365)
    not_before = serializers.DateTimeField(required=False)


class KeyInput(OwnKeyInput):
    """A key of an agent or service account."""

    agent = serializers.UUIDField(help_text="uid")


class RotateInput(StrictSerializer):
    overlap_hours = serializers.IntegerField(
        required=False, min_value=0, max_value=720, help_text="How long the old key still works."
    )
    days = serializers.IntegerField(required=False, min_value=1, max_value=365)


# --- tokens ---------------------------------------------------------------------------------------


class TokenInput(StrictSerializer):
    """All of the key's rights, or fewer."""

    scope = serializers.CharField(
        required=False, max_length=2_000, help_text="Scopes, separated by blanks."
    )
    session_id = serializers.CharField(
        required=False, max_length=80, help_text="The agent's session; else a new one is named."
    )


class TokenOut(StrictSerializer):
    """A signed token (EdDSA), good for minutes. Verify it with /.well-known/jwks.json."""

    access_token = serializers.CharField(allow_null=True, help_text="null in a repeated answer.")
    token_type = serializers.ChoiceField(choices=["Bearer"])
    expires_in = serializers.IntegerField(help_text="Seconds.")
    expires_at = serializers.DateTimeField()
    scope = serializers.CharField()
    session_id = serializers.CharField()
    jti = serializers.CharField()


class TokenRevokeInput(StrictSerializer):
    """The token to end; without it, the one this request came with."""

    token = serializers.CharField(required=False, max_length=8_192)
    reason = serializers.CharField(max_length=_TEXT, default="", allow_blank=True)


class OauthTokenAsk(StrictSerializer):
    """As a form (`application/x-www-form-urlencoded`), with the client's credentials in the header
    (`Basic`) or here."""

    grant_type = serializers.ChoiceField(choices=["client_credentials"])
    resource = serializers.ListField(
        child=serializers.URLField(), required=False, help_text="What the token is to be for: /mcp."
    )
    scope = serializers.CharField(required=False, max_length=2_000)
    client_id = serializers.CharField(required=False, help_text="The key's prefix.")
    client_secret = serializers.CharField(required=False, help_text="The key.")


class OauthTokenGiven(StrictSerializer):
    access_token = serializers.CharField()
    token_type = serializers.ChoiceField(choices=["Bearer"])
    expires_in = serializers.IntegerField(help_text="Seconds.")
    scope = serializers.CharField()


class OauthTokenEnd(StrictSerializer):
    """As a form, with the client's credentials as for a token."""

    token = serializers.CharField(max_length=8_192)
    token_type_hint = serializers.CharField(required=False)
    client_id = serializers.CharField(required=False)
    client_secret = serializers.CharField(required=False)


class OauthRefusal(StrictSerializer):
    """As RFC 6749 has it."""

    error = serializers.CharField()
    error_description = serializers.CharField()


class OauthServer(StrictSerializer):
    """RFC 8414: what this authorization server offers."""

    issuer = serializers.URLField()
    authorization_endpoint = serializers.URLField()
    token_endpoint = serializers.URLField()
    revocation_endpoint = serializers.URLField()
    jwks_uri = serializers.URLField()
    service_documentation = serializers.URLField()
    response_types_supported = serializers.ListField(child=serializers.CharField())
    grant_types_supported = serializers.ListField(child=serializers.CharField())
    token_endpoint_auth_methods_supported = serializers.ListField(child=serializers.CharField())
    revocation_endpoint_auth_methods_supported = serializers.ListField(
        child=serializers.CharField()
    )


class JwkOut(StrictSerializer):
    kty = serializers.CharField()
    crv = serializers.CharField()
    x = serializers.CharField()
    kid = serializers.CharField()
    alg = serializers.CharField()
    use = serializers.CharField()


class JwkSetOut(StrictSerializer):
    """Public keys that tokens of this portal are verified with (RFC 7517)."""

    keys = JwkOut(many=True)


class MembershipOut(StrictSerializer):
    workspace = serializers.SlugField()
    uid = serializers.UUIDField()
    roles = serializers.ListField(child=serializers.CharField())


class MeOut(StrictSerializer):
    """Who the credentials of this request belong to."""

    kind = serializers.ChoiceField(choices=["person", "agent", "service"])
    uid = serializers.UUIDField()
    name = serializers.CharField(help_text="A person's e-mail address, an agent's name.")
    workspaces = MembershipOut(many=True)
    scopes = serializers.ListField(
        child=serializers.CharField(), allow_null=True, help_text="null: not narrowed."
    )
    session_id = serializers.CharField(allow_blank=True)
    actions = serializers.ListField(
        child=serializers.CharField(), help_text="What these credentials may do somewhere."
    )


# --- issuers --------------------------------------------------------------------------------------


class IssuerOut(StrictModelSerializer):
    """An outside token issuer that the workspace trusts."""

    class Meta:
        model = TrustedIssuer
        fields = [
            "uid",
            "issuer",
            "jwks_url",
            "audience",
            "role",
            "is_active",
            "fetched_at",
            "last_error",
            "created_at",
        ]


class EmptyInput(StrictSerializer):
    """Nothing: the path says it all."""


class IssuerInput(StrictSerializer):
    """Its tokens get in as agents of this workspace, with at most `role`."""

    issuer = serializers.CharField(max_length=300)
    jwks_url = serializers.CharField(max_length=300)
    audience = serializers.CharField(max_length=200)
    role = serializers.ChoiceField(choices=AGENT_ROLES)


class IssuerChange(StrictSerializer):
    jwks_url = serializers.CharField(max_length=300, required=False)
    role = serializers.ChoiceField(choices=AGENT_ROLES, required=False)
