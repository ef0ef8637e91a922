# mypy: ignore-errors
"""The official Python client at `/mcp`: two agents talk, in both eras, and one listens."""

import json
import sys
from contextlib import asynccontextmanager

import anyio
from mcp import Client
from mcp.client.streamable_http import create_mcp_http_client, streamable_http_client

GIVEN = json.loads(sys.argv[1])
THREAD = GIVEN["thread"]
URI = f"thread://{THREAD}"


@asynccontextmanager
async def client(who, mode):
    headers = {"Authorization": f"Bearer {GIVEN[who]}"}
    async with create_mcp_http_client(headers=headers) as http:
        transport = streamable_http_client(GIVEN["url"], http_client=http)
        async with Client(transport, mode=mode) as found:
            yield found


async def call(found, tool, **arguments):
    result = await found.call_tool(tool, arguments)
    assert not result.is_error, result
    return result.structured_content


async def talk(mode, version, since):
    async with client("executioner", mode) as worker, client("reviewer", mode) as reviewer:
        assert worker.protocol_version == version, worker.protocol_version
        names = {tool.name for tool in (await worker.list_tools()).tools}
        assert {"inbox", "post_message"} <= names, names
        said = await call(worker, "post_message", thread_id=THREAD, body=f"In {version}.")
        page = await call(reviewer, "read_messages", thread_id=THREAD, since_seq=since)
        assert [each["body"] for each in page["messages"]] == [f"In {version}."], page
        acked = await call(reviewer, "ack_read", thread_id=THREAD, last_read_seq=said["seq"])
        assert acked["ok"], acked
        refused = await worker.call_tool("post_message", {"thread_id": THREAD, "body": ""})
        assert refused.is_error, refused
        assert refused.structured_content["error"]["code"] == "INVALID_ARGUMENT", refused
        uris = [str(each.uri) for each in (await reviewer.list_resources()).resources]
        assert URI in uris, uris
        held = (await reviewer.read_resource(URI)).contents[0]
        assert json.loads(held.text)["thread"]["thread_id"] == THREAD, held
        return said["seq"]


async def listen():
    async with (
        client("executioner", "auto") as worker,
        client("reviewer", "auto") as reviewer,
        reviewer.listen(resource_subscriptions=[URI]) as events,
    ):
        await call(worker, "post_message", thread_id=THREAD, body="Listen.")
        async for event in events:
            assert str(event.uri) == URI, event
            break


async def main():
    with anyio.fail_after(60):
        since = await talk("auto", "2026-07-28", 0)
        await talk("legacy", "2025-11-25", since)
        await listen()


anyio.run(main)
sys.stdout.write(json.dumps({"ok": True}) + "\n")
