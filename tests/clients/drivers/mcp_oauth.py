# mypy: ignore-errors
"""The official Python client at `/mcp`, let in by OAuth with nothing but a key."""

import json
import sys

import anyio
from mcp import Client
from mcp.client.auth.extensions.client_credentials import ClientCredentialsOAuthProvider
from mcp.client.streamable_http import create_mcp_http_client, streamable_http_client

GIVEN = json.loads(sys.argv[1])


class Storage:
    def __init__(self):
        self.tokens = None

    async def get_tokens(self):
        return self.tokens

    async def set_tokens(self, tokens):
        self.tokens = tokens

    async def get_client_info(self):
        return None

    async def set_client_info(self, info):
        raise AssertionError("nobody registers")


async def read(who, method, storage):
    name, secret = GIVEN[who]
    provider = ClientCredentialsOAuthProvider(
        GIVEN["url"], storage, name, secret, method, issuer=GIVEN["issuer"]
    )
    async with create_mcp_http_client(auth=provider) as http:
        transport = streamable_http_client(GIVEN["url"], http_client=http)
        async with Client(transport, mode="auto") as found:
            asked = {"thread_id": GIVEN["thread"], "since_seq": 0}
            result = await found.call_tool("read_messages", asked)
            assert not result.is_error, result
            return [each["body"] for each in result.structured_content["messages"]]


async def main():
    bodies = []
    storage = None
    with anyio.fail_after(60):
        for method in ("client_secret_basic", "client_secret_post"):
            storage = Storage()
            bodies.append(await read("client", method, storage))
        refused = ""
        try:
            await read("gone", "client_secret_basic", Storage())
        except BaseException as error:  # noqa: BLE001 - told to the test, whatever it is
            refused = repr(flat(error))
    told = {"bodies": bodies, "refused": refused, "token": storage.tokens.access_token}
    sys.stdout.write(json.dumps(told) + "\n")


def flat(error):
    if isinstance(error, BaseExceptionGroup):
        return [flat(each) for each in error.exceptions]
    return repr(error)


anyio.run(main)
