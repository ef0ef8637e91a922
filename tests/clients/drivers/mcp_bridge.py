"""An MCP server's tools, called by lines: `["tool", {arguments}]` in, one JSON object out.

Runs in a client's own environment, with the `mcp` package that it brings.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import Any

from mcp import ClientSession, StdioServerParameters  # type: ignore[import-not-found]
from mcp.client.stdio import stdio_client  # type: ignore[import-not-found]


def tell(**found: Any) -> None:
    print(json.dumps(found), flush=True)  # noqa: T201


def answer(result: Any) -> dict[str, Any]:
    text = "\n".join(part.text for part in result.content if part.type == "text")
    return {"failed": bool(result.isError), "text": text, "data": result.structuredContent}


async def main(command: str, *arguments: str) -> None:
    server = StdioServerParameters(command=command, args=list(arguments), env=dict(os.environ))
    async with stdio_client(server) as streams, ClientSession(*streams) as session:
        begun = await session.initialize()
        tools = [tool.name for tool in (await session.list_tools()).tools]
        tell(name=begun.serverInfo.name, tools=tools)
        while line := await asyncio.to_thread(sys.stdin.readline):
            tool, given = json.loads(line)
            if tool == "read":
                found = await session.read_resource(given["uri"])
                tell(failed=False, text=found.contents[0].text, data=None)
            else:
                tell(**answer(await session.call_tool(tool, given)))


asyncio.run(main(*sys.argv[1:]))
