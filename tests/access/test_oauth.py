"""OAuth for machines: a key's two halves, a token for what was asked, and who gets none."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import quote, urlencode

import pytest
import time_machine

from controlplane.access import tokens
from controlplane.access.models import Agent, ApiKey
from controlplane.access.services.agents import deactivate_agent
from controlplane.access.services.keys import issue_key, revoke_key
from controlplane.audit.models import AuditEvent
from controlplane.lib import clock
from tests import make
from tests.kit import settled
from tests.kit.api import Api, refused
from tests.kit.mcp import Mcp
from tests.kit.tokens import claims_of, exchange, forge

pytestmark = pytest.mark.django_db
TOKEN, REVOKE = "/api/v1/oauth/token", "/api/v1/oauth/revoke"
FORM = "application/x-www-form-urlencoded"
MCP = "http://testserver/mcp"
ASKED = {"grant_type": "client_credentials", "resource": MCP}


class Client:
    """An agent's key, used as a client of OAuth."""

    def __init__(self, agent: Agent | None = None, **given: Any) -> None:
        self.agent = agent or make.agent(make.workspace(), role="reviewer")
        self.key, self.text = make.key(self.agent, **given)

    @property
    def basic(self) -> dict[str, str]:
        return basic(self.key.prefix, self.text)

    def ask(self, **fields: Any) -> Any:
        return send(TOKEN, {**ASKED, **fields}, **self.basic)

    def token(self, **fields: Any) -> str:
        answer = self.ask(**fields)
        assert answer.status_code == 200, answer.content
        return str(answer.json()["access_token"])


def basic(name: str, secret: str) -> dict[str, str]:
    both = f"{quote(name, safe='')}:{quote(secret, safe='')}"
    return {"Authorization": f"Basic {base64.b64encode(both.encode()).decode()}"}


def send(path: str, fields: Any, type: str = FORM, **headers: str) -> Any:
    given = fields if isinstance(fields, bytes) else urlencode(fields, doseq=True).encode()
    return Api().raw("POST", path, given, type, **headers)


def error(answer: Any, status: int, name: str) -> str:
    told = answer.json()
    assert (answer.status_code, told["error"]) == (status, name), answer.content
    assert told["error_description"].isascii()
    return str(told["error_description"])


@settled.once
def client() -> Client:
    return Client()


@pytest.fixture
def later() -> Iterator[Any]:
    with time_machine.travel(clock.now() + timedelta(minutes=16), tick=False) as moved:
        yield moved


def lists_tools(token: str) -> int:
    status: int = Mcp(token).ask("tools/list").status_code
    return status


# --- What the portal says of itself --------------------------------------------------------------


def test_discovery__leads_from_a_refusal_to_the_token(client: Client) -> None:
    challenge = Mcp().ask("tools/list")["WWW-Authenticate"]
    where = challenge.partition('resource_metadata="')[2].partition('"')[0]
    resource = Api().get(where.removeprefix("http://testserver")).json()
    assert resource["resource"] == MCP
    [server] = resource["authorization_servers"]
    found = Api().get("/.well-known/oauth-authorization-server").json()
    assert found["issuer"] == server == "http://testserver"
    assert found["grant_types_supported"] == ["client_credentials"]
    assert "client_secret_basic" in found["token_endpoint_auth_methods_supported"]
    assert found["response_types_supported"] == []
    endpoint = found["token_endpoint"].removeprefix(server)
    given = send(endpoint, ASKED, **client.basic)
    assert (given["Cache-Control"], given["Pragma"]) == ("no-store", "no-cache")
    answer = given.json()
    assert (answer["token_type"], answer["expires_in"]) == ("Bearer", 15 * 60)
    assert lists_tools(answer["access_token"]) == 200


def test_nobody__signs_in_by_a_browser() -> None:
    asked = (
        "/api/v1/oauth/authorize?response_type=code&client_id=x&redirect_uri=https://evil.example"
    )
    answer = Api().get(asked)
    error(answer, 400, "unsupported_response_type")
    assert "Location" not in answer


# --- A token -------------------------------------------------------------------------------------


def test_token__is_the_agents_and_on_record(client: Client) -> None:
    claims = claims_of(client.token())
    assert claims["agent_id"] == str(client.agent.uid)
    assert claims["aud"] == [tokens.audience("mcp")]
    row = AuditEvent.objects.filter(action="token.issue").latest("pk")
    assert row.actor_ref == f"agent:{client.agent.pk}"
    assert client.text not in str(row.__dict__)


def test_secret__may_stand_in_the_form_and_without_its_prefix(client: Client) -> None:
    tail = client.text.removeprefix(f"{client.key.prefix}_")
    for secret in (client.text, tail):
        fields = {**ASKED, "client_id": client.key.prefix, "client_secret": secret}
        assert send(TOKEN, fields).status_code == 200
        assert send(TOKEN, ASKED, **basic(client.key.prefix, secret)).status_code == 200
    assert send(TOKEN, {**ASKED, "client_id": client.key.prefix}, **client.basic).status_code == 200


def test_service_account__gets_what_its_key_carries() -> None:
    agent = make.agent(make.workspace(), role="")
    service = Client(agent, scopes=["work.view", "agent.view"])
    answer = service.ask()
    assert answer.json()["scope"] == "agent.view work.view"
    assert claims_of(service.token(scope="work.view"))["scope"] == "work.view"
    for beyond in ("work.claim", "work.view work.claim", "no.such", "*"):
        error(service.ask(scope=beyond), 400, "invalid_scope")
    denied = AuditEvent.objects.filter(action="token.issue", outcome="denied")
    assert denied.filter(actor_ref=f"agent:{agent.pk}").exists()


# --- What it opens -------------------------------------------------------------------------------


def test_token__opens_what_it_is_for(client: Client) -> None:
    both = ["http://testserver/api", MCP]
    for resource, opens in ((MCP, (200, 401)), ([], (200, 401)), (both, (200, 200)),
                            (both[0], (401, 200)), (f"{MCP}/", (200, 401)),
                            (tokens.audience("mcp"), (200, 401))):  # fmt: skip
        token = client.token(resource=resource)
        assert (lists_tools(token), Api(token).get("/api/v1/me").status_code) == opens, resource
    # What was remembered of it at one door counts at no other.
    refused(Api(client.token()).get("/api/v1/me"), "UNAUTHORIZED")


def test_token__for_somebody_else_is_refused(client: Client) -> None:
    claims = claims_of(client.token())
    for audience in ("https://other.example/mcp", [], ["x"], None, 5, f"{MCP}x"):
        assert lists_tools(forge({**claims, "aud": audience})) == 401, audience
    assert lists_tools(forge({**claims, "aud": tokens.audience("mcp")})) == 200


def test_token_of_the_ordinary_exchange__opens_both(client: Client) -> None:
    token = exchange(client.agent)
    assert (lists_tools(token), Api(token).get("/api/v1/me").status_code) == (200, 200)


@pytest.mark.parametrize("resource", ["https://other.example/mcp", "http://testserver", "x",
                                      "http://testserver/admin", MCP + "?a=1"])  # fmt: skip
def test_resource_of_others__is_no_target(client: Client, resource: str) -> None:
    error(client.ask(resource=[MCP, resource]), 400, "invalid_target")


# --- When it ends --------------------------------------------------------------------------------


def test_token__ends_by_itself(client: Client, later: Any) -> None:
    with time_machine.travel(clock.now() - timedelta(minutes=16), tick=False):
        token = client.token()
        assert lists_tools(token) == 200
    assert lists_tools(token) == 401


def test_token__ends_with_its_key(client: Client) -> None:
    token = client.token()
    revoke_key(client.key, actor=make.JOB)
    assert lists_tools(token) == 401
    error(client.ask(), 401, "invalid_client")


def test_token__ends_with_its_agent(client: Client) -> None:
    token = client.token()
    deactivate_agent(client.agent, actor=make.JOB)
    assert lists_tools(token) == 401
    error(client.ask(), 401, "invalid_client")


def test_token__is_ended_by_its_client(client: Client) -> None:
    token = client.token()
    for _ in range(2):  # again, and of what never was: as well as done
        answer = send(REVOKE, {"token": token, "token_type_hint": "access_token"}, **client.basic)
        assert (answer.status_code, answer.content) == (200, b"")
    assert lists_tools(token) == 401
    assert send(REVOKE, {"token": "nothing"}, **client.basic).status_code == 200
    error(send(REVOKE, {}, **client.basic), 400, "invalid_request")
    error(send(REVOKE, {"token": token}), 401, "invalid_client")


def test_stranger__ends_nobodys_token(client: Client) -> None:
    token = client.token()
    outsider = Client()
    assert send(REVOKE, {"token": token}, **outsider.basic).status_code == 200
    neighbour = Client(make.agent(client.agent.workspace, role="reviewer"))
    error(send(REVOKE, {"token": token}, **neighbour.basic), 400, "unauthorized_client")
    assert lists_tools(token) == 200


# --- Who gets none -------------------------------------------------------------------------------


def test_strangers__are_invalid_clients(client: Client) -> None:
    other = Client()
    wrong = client.text[:-1] + ("0" if client.text[-1] != "0" else "1")
    for name, secret in [
        (client.key.prefix, other.text), (other.key.prefix, client.text),
        (client.key.prefix, wrong), (client.key.prefix, ""), ("", client.text), ("", ""),
        ("x", "y"), (client.key.prefix, "é"), (client.key.prefix, "x" * 20_000),
        (client.token(), "x"), (*client.token().rsplit("_", 1), "")[:2],
    ]:  # fmt: skip
        for answer in (
            send(TOKEN, ASKED, **basic(name, secret)),
            send(TOKEN, {**ASKED, "client_id": name, "client_secret": secret}),
        ):
            error(answer, 401, "invalid_client")
            assert answer["WWW-Authenticate"] == 'Basic realm="oauth"'
    for header in ("Bearer " + client.text, "Basic", "Basic !!", "Basic /w==", "Digest x=1"):
        error(send(TOKEN, ASKED, Authorization=header), 401, "invalid_client")


def test_person__has_no_token_by_their_key() -> None:
    workspace = make.workspace()
    person = make.person(workspace, "operations_command")
    issued = issue_key(person, actor=make.actor(person), name="mine", workspace=workspace)
    both = basic(issued.key.prefix, str(issued.secret))
    error(send(TOKEN, ASKED, **both), 400, "unauthorized_client")


def test_guesser__waits(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONTROLPLANE_ACCESS_CREDENTIAL_FAILURES_PER_ADDRESS", "3")
    other = Client()
    for _ in range(3):
        error(send(TOKEN, ASKED, **basic(client.key.prefix, "x")), 401, "invalid_client")
    answer = send(TOKEN, ASKED, **other.basic)
    error(answer, 429, "temporarily_unavailable")
    assert int(answer["Retry-After"]) >= 1


@pytest.mark.parametrize(
    "grant", ["authorization_code", "refresh_token", "password", "implicit", "Client_Credentials",
              "urn:ietf:params:oauth:grant-type:token-exchange", "client_credentials "],
)  # fmt: skip
def test_other_grants__are_unsupported(client: Client, grant: str) -> None:
    error(client.ask(grant_type=grant), 400, "unsupported_grant_type")


BODIES: list[Any] = [
    {"resource": MCP}, {"grant_type": ""}, {"grant_type": ["client_credentials"] * 2},
    b"grant_type=client_credentials&scope=%00", b"grant_type=client_credentials&scope=%ff",
    b"\xff\xfe", b"a=1&" * 40, b"grant_type=client_credentials&scope=a%0ab",
]  # fmt: skip


def test_malformed__is_invalid_request(client: Client) -> None:
    for body in BODIES:
        error(send(TOKEN, body, **client.basic), 400, "invalid_request")
    for kind in ("application/json", "text/plain", "multipart/form-data; boundary=x"):
        answer = send(TOKEN, b'{"grant_type":"client_credentials"}', kind, **client.basic)
        error(answer, 400, "invalid_request")
    twice = {**ASKED, "client_id": client.key.prefix, "client_secret": client.text}
    error(send(TOKEN, twice, **client.basic), 400, "invalid_request")
    other = {**ASKED, "client_id": Client().key.prefix}
    error(send(TOKEN, other, **client.basic), 400, "invalid_request")
    answer = send(TOKEN, b"scope=" + b"x" * 40_000, **client.basic)
    error(answer, 413, "invalid_request")
    answer = send(TOKEN, b"scope=" + b"x" * 10_000_000, **client.basic)
    assert answer.status_code == 413
    error(Api().raw("GET", TOKEN, b"", FORM, **client.basic), 405, "invalid_request")
    assert ApiKey.objects.get(pk=client.key.pk).revoked_at is None
