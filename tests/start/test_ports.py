"""A port that can't be had: who has it, and what to type."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator

import pytest

from controlplane.embedded import ports
from controlplane.embedded.portal import Address
from controlplane.embedded.state import Trouble


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield int(listener.getsockname()[1])


def test_taken__says_who_and_a_free_one(taken: int) -> None:
    with pytest.raises(Trouble) as caught:
        ports.check(Address(port=taken))
    said = str(caught.value)
    assert f"Port {taken} on 127.0.0.1 is taken by" in said
    assert f"(pid {os.getpid()})" in said
    suggested = int(said.rpartition("--port ")[2].rstrip("`"))
    assert suggested > taken
    ports.check(Address(port=suggested))


def test_free__passes_and_is_free_still() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    ports.check(Address(port=port))
    ports.check(Address(port=port))


def test_foreign_address__says_which_are_ours() -> None:
    with pytest.raises(Trouble, match="ip -brief address"):
        ports.check(Address(bind="192.0.2.77", port=8123))


@pytest.mark.parametrize(
    ("address", "url"),
    [
        (Address(), "http://127.0.0.1:8000"),
        (Address("0.0.0.0", 9000), "http://127.0.0.1:9000"),
        (Address("::", 9000), "http://[::1]:9000"),
        (Address("10.0.0.5", 9000), "http://10.0.0.5:9000"),
        (Address("127.0.0.1", 8443, tls=True), "https://localhost:8443"),
    ],
)
def test_url__is_one_that_this_machine_reaches(address: Address, url: str) -> None:
    assert address.url == url
    assert Address.of_url(url).url == url


def test_hosts__only_names_of_this_machine() -> None:
    assert Address().hosts() == ["127.0.0.1", "localhost", "[::1]"]
    everywhere = Address(bind="0.0.0.0").hosts()
    assert socket.gethostname() in everywhere
    assert "*" not in everywhere
