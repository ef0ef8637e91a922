"""What both agents need to talk: the portal over REST or over MCP, and a bell that wakes them.

The standard library only. Copy it, and replace what the agents think by what yours think.
"""

from __future__ import annotations

import argparse
import hashlib
import hmac
import json
import os
import secrets
import sys
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TRIES = 6
MCP_VERSION = "2026-07-28"


class Refused(Exception):
    """The portal said no: `code` says why, the same over REST and MCP."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(error.get("message", ""))
        self.code = error.get("code", "")


class Rest:
    """One method for each thing that an agent does."""

    def __init__(self, base: str, key: str) -> None:
        self.base, self.key = base.rstrip("/"), key

    def create_thread(self, **fields: Any) -> Any:
        return self.call("POST", "/api/v1/threads", fields, secrets.token_hex(16))

    def post(self, thread: str, **fields: Any) -> Any:
        return self.call("POST", f"/api/v1/threads/{thread}/messages", fields)

    def read(self, thread: str, since: int) -> Any:
        return self.call("GET", f"/api/v1/threads/{thread}/messages?since_seq={since}&limit=200")

    def ack(self, thread: str, seq: int) -> Any:
        return self.call("POST", f"/api/v1/threads/{thread}/ack", {"last_read_seq": seq})

    def move(self, thread: str, status: str, reason: str) -> Any:
        fields = {"status": status, "reason": reason}
        return self.call("POST", f"/api/v1/threads/{thread}/status", fields)

    def inbox(self) -> Any:
        return self.call("GET", "/api/v1/threads/inbox")

    def register(self, **fields: Any) -> Any:
        return self.call("POST", "/api/v1/sessions", fields)

    def beat(self, **fields: Any) -> Any:
        return self.call("POST", "/api/v1/sessions/heartbeat", fields)

    def call(self, method: str, path: str, body: Any = None, key: str = "") -> Any:
        headers = {"Idempotency-Key": key} if key else {}
        return self.ask(method, path, body, headers)

    def ask(self, method: str, path: str, body: Any, headers: dict[str, str]) -> Any:
        """Again while the portal is away or asks for patience. Repeating is safe: a message has a
        key of its own, and whatever else is said here may be said twice."""
        data = None if body is None else json.dumps(body).encode()
        given = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        for tried in range(1, TRIES + 1):
            request = urllib.request.Request(
                self.base + path, data, {**given, **headers}, method=method
            )
            try:
                with urllib.request.urlopen(request, timeout=30) as answer:
                    return json.load(answer)
            except urllib.error.HTTPError as error:
                if error.code not in {429, 502, 503} or tried == TRIES:
                    raise Refused(json.load(error)["error"]) from None
                time.sleep(float(error.headers.get("Retry-After") or tried))
            except OSError:
                if tried == TRIES:
                    raise
                time.sleep(tried)
        raise AssertionError("the last try answers or raises")


class Mcp(Rest):
    """The same operations as tools of `/mcp`. Each call stands alone: no handshake, no session."""

    def create_thread(self, **fields: Any) -> Any:
        return self.tool("create_thread", fields)

    def post(self, thread: str, **fields: Any) -> Any:
        return self.tool("post_message", {"thread_id": thread, **fields})

    def read(self, thread: str, since: int) -> Any:
        return self.tool("read_messages", {"thread_id": thread, "since_seq": since, "limit": 200})

    def ack(self, thread: str, seq: int) -> Any:
        return self.tool("ack_read", {"thread_id": thread, "last_read_seq": seq})

    def move(self, thread: str, status: str, reason: str) -> Any:
        return self.tool(
            "update_thread_status", {"thread_id": thread, "status": status, "reason": reason}
        )

    def inbox(self) -> Any:
        return self.tool("inbox", {})

    def register(self, **fields: Any) -> Any:
        return self.tool("register_runtime", fields)

    def beat(self, **fields: Any) -> Any:
        return self.tool("heartbeat_session", fields)

    def tool(self, name: str, arguments: dict[str, Any]) -> Any:
        about = {
            "io.modelcontextprotocol/protocolVersion": MCP_VERSION,
            "io.modelcontextprotocol/clientCapabilities": {},
            "io.modelcontextprotocol/clientInfo": {"name": "example-agent", "version": "1"},
        }
        params = {"name": name, "arguments": arguments, "_meta": about}
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
        headers = {
            "Accept": "application/json, text/event-stream",
            "MCP-Protocol-Version": MCP_VERSION,
            "Mcp-Method": "tools/call",
            "Mcp-Name": name,
        }
        result = self.ask("POST", "/mcp", body, headers)["result"]
        if result["isError"]:
            raise Refused(result["structuredContent"]["error"])
        return result["structuredContent"]


class Bell:
    """Where the portal rings when something was said to a sleeping agent.

    Only a call that is signed with our secret rings. The answer says that we heard; what was said
    is read from the thread, never taken from the call.
    """

    def __init__(self) -> None:
        self.secret = secrets.token_urlsafe(32)
        self._rang = threading.Event()
        bell = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                heard = bell.hears(body, self.headers)
                answer = json.dumps({"acknowledged": heard}).encode()
                self.send_response(200 if heard else 401)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: Any) -> None:
                return

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{server.server_port}/wake"
        threading.Thread(target=server.serve_forever, daemon=True).start()

    def hears(self, body: bytes, headers: Any) -> bool:
        stamp = headers.get("X-Controlplane-Timestamp", "")
        signed = hmac.new(self.secret.encode(), stamp.encode() + b"." + body, hashlib.sha256)
        right = hmac.compare_digest(
            headers.get("X-Controlplane-Signature", "").encode(),
            f"v1={signed.hexdigest()}".encode(),
        )
        if not right or not stamp.isdigit() or abs(time.time() - int(stamp)) > 300:
            return False
        self._rang.set()
        return True

    def sleep(self, seconds: float) -> bool:
        """Until it rings. False: nobody rang for so long."""
        rang = self._rang.wait(seconds)
        self._rang.clear()
        return rang


class Agent:
    """An agent that does what was asked, sleeps, and is woken. It keeps nothing in memory that the
    thread does not say: a new process goes on where the old one stopped."""

    def __init__(self, name: str, portal: Rest, patience: float) -> None:
        self.portal, self.patience = portal, patience
        self.session = f"{name}-{os.getpid()}"
        self.runtime = "example-agent"
        self.bell = Bell()
        self.wakes = 0

    def run(self) -> None:
        self.portal.register(
            session_id=self.session, runtime=self.runtime, adapter="webhook",
            target=self.bell.url, secret=self.bell.secret,
        )  # fmt: skip
        print(f"{self.session}: rings at {self.bell.url}", file=sys.stderr, flush=True)
        while not self.work():
            # From here on the portal rings for what is said, instead of waiting for us to look.
            self.portal.beat(session_id=self.session, runtime=self.runtime, status="idle")
            if not self.bell.sleep(self.patience):
                raise SystemExit(
                    f"{self.session}: nobody rang for {self.patience:.0f} s. Does the portal reach"
                    f" {self.bell.url}? CONTROLPLANE_OUTGOING_ALLOW names the addresses it may"
                )
            self.wakes += 1
        self.portal.beat(session_id=self.session, runtime=self.runtime, status="offline")
        print(json.dumps({"session": self.session, "wakes": self.wakes}), flush=True)

    def work(self) -> bool:
        """All that is unread. True: there is nothing left to do for us."""
        done = False
        for each in self.portal.inbox()["threads"]:
            said = self.history(each["thread_id"])
            done = self.answer(each["thread_id"], said) or done
            self.portal.ack(each["thread_id"], said[-1]["seq"])
        return done

    def history(self, thread: str) -> list[dict[str, Any]]:
        said: list[dict[str, Any]] = []
        while True:
            page = self.portal.read(thread, said[-1]["seq"] if said else 0)
            said += page["messages"]
            if not page["has_more"]:
                return said

    def answer(self, thread: str, said: list[dict[str, Any]]) -> bool:
        raise NotImplementedError

    def tell(self, thread: str, event: str, text: str, cause: int, **metadata: Any) -> None:
        """An event in the thread. Its key is made of what it answers: an agent that stopped halfway
        and begins again says nothing twice."""
        key = f"{event}-{metadata.get('finding_id', '')}-{cause}"
        self.portal.post(
            thread, schema_version=1, kind="event", event_type=event, body=text,
            metadata=metadata, in_reply_to=cause or None, idempotency_key=key,
        )  # fmt: skip


def options(about: str) -> argparse.ArgumentParser:
    """The address and the key come from the environment: a command line is seen by everybody."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--mcp", action="store_true", help="speak MCP instead of REST")
    parser.add_argument("--patience", type=float, default=120, help="longest sleep, in seconds")
    return parser


def portal(mcp: bool) -> Rest:
    return (Mcp if mcp else Rest)(os.environ["BASE"], os.environ["KEY"])
