"""An outside token issuer: a real server on loopback that publishes keys and can go down."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from controlplane.access.models import Agent
from controlplane.lib import clock

_KINDS: dict[str, Any] = {
    "EdDSA": (ed25519.Ed25519PrivateKey.generate, jwt.algorithms.OKPAlgorithm),
    "ES256": (lambda: ec.generate_private_key(ec.SECP256R1()), jwt.algorithms.ECAlgorithm),
    "RS256": (lambda: rsa.generate_private_key(65537, 2048), jwt.algorithms.RSAAlgorithm),
}


class Issuer:
    """Signs tokens; `down` makes it answer 500, `document` replaces what it publishes."""

    def __init__(self) -> None:
        self.keys: dict[str, tuple[str, Any]] = {}
        self.asked = 0
        self.down = False
        self.document: bytes | None = None
        self.url = ""
        self.audience = "portal"
        self.add_key("first")

    @property
    def name(self) -> str:
        return self.url

    @property
    def jwks_url(self) -> str:
        return f"{self.url}/jwks.json"

    def add_key(self, kid: str, algorithm: str = "EdDSA") -> None:
        self.keys[kid] = (algorithm, _KINDS[algorithm][0]())

    def published(self) -> bytes:
        if self.document is not None:
            return self.document
        keys = []
        for kid, (algorithm, key) in self.keys.items():
            jwk = json.loads(_KINDS[algorithm][1].to_jwk(key.public_key()))
            keys.append({**jwk, "kid": kid, "use": "sig", "alg": algorithm})
        return json.dumps({"keys": keys}).encode()

    def claims(self, agent: Agent, **changes: Any) -> dict[str, Any]:
        now = int(clock.now().timestamp())
        claims = {
            "iss": self.name,
            "aud": self.audience,
            "sub": str(agent.uid),
            "agent_id": str(agent.uid),
            "workspace_id": str(agent.workspace.uid),
            "role": agent.role,
            "session_id": "session-1",
            "iat": now,
            "nbf": now,
            "exp": now + 600,
            "jti": str(uuid.uuid4()),
            **changes,
        }
        return {name: value for name, value in claims.items() if value is not None}

    def token(
        self,
        agent: Agent,
        *,
        kid: str = "first",
        headers: dict[str, Any] | None = None,
        **changes: Any,
    ) -> str:
        algorithm, key = self.keys[kid]
        return jwt.encode(
            self.claims(agent, **changes),
            key,
            algorithm=algorithm,
            headers={"kid": kid, "typ": "at+jwt", **(headers or {})},
        )


@contextmanager
def running() -> Iterator[Issuer]:
    issuer = Issuer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            issuer.asked += 1
            body = b"" if issuer.down else issuer.published()
            self.send_response(500 if issuer.down else 200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    issuer.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield issuer
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
