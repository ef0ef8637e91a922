"""SDKs that others wrote, against the portal as it is run: what they hear, and how soon."""

from __future__ import annotations

import json
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from openfeature import api as openfeature
from openfeature.contrib.provider.ofrep import OFREPProvider
from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import ErrorCode
from openfeature.flag_evaluation import Reason
from UnleashClient.clients.unleash_client import UnleashClient
from UnleashClient.impact_metrics import MetricFlagContext
from UnleashClient.utils import InstanceAllowType

from controlplane.access.models import Workspace
from deployments.flags.models import FlagUsage, ImpactSample, SdkInstance, UnknownFlag
from tests import make
from tests.flags.conftest import Portal
from tests.kit import sdk as flags
from tests.kit.sdk import rule, variant

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
WITHIN_S = 30.0
ON = {"targetingKey": "u-1"}


def when(said: Callable[[], bool], within: float = WITHIN_S) -> float:
    """Ask until it is so; how many seconds that took."""
    begun = time.monotonic()
    while not said():
        assert time.monotonic() - begun < within, "it never was"
    return time.monotonic() - begun


def kill(url: str, key: str, name: str) -> None:
    request = urllib.request.Request(
        f"{url}/admin/flags/{name}/disable",
        method="POST",
        headers={"Authorization": f"Bearer {key}"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert json.load(answer)["enabled"] is False


class Place:
    """A workspace with a flag that is on, tokens, and a key that may kill."""

    def __init__(self) -> None:
        self.workspace: Workspace = make.workspace()
        self.flag = flags.flag(self.workspace, "new-planner")
        self.key = make.key(make.agent(self.workspace, role=""), scopes=["flag.kill"])[1]

    def secret(self, kind: str = "client") -> str:
        return str.__str__(flags.token(self.workspace, kind).secret)


@pytest.fixture
def place(transactional_db: None) -> Place:
    return Place()


# --- OpenFeature --------------------------------------------------------------------------------


@pytest.fixture
def asking(place: Place) -> Iterator[Callable[[str], Any]]:
    def client(url: str) -> Any:
        token = place.secret("ofrep")
        provider = OFREPProvider(url, headers_factory=lambda: {"Authorization": f"Bearer {token}"})
        openfeature.set_provider(provider)
        return openfeature.get_client()

    yield client
    openfeature.clear_providers()


def test_openfeature__reads_every_type_and_reason(
    portal: Portal, place: Place, asking: Callable[[str], Any]
) -> None:
    ws = place.workspace
    flags.flag(ws, "color", value_type="string", off_value="blue", on_value="green",
               variants=[variant("red", payload="red")])  # fmt: skip
    flags.flag(ws, "limit", value_type="integer", off_value=1, on_value=7)
    flags.flag(ws, "ratio", value_type="float", off_value=0, on_value=1)
    flags.flag(ws, "shape", value_type="object", off_value={}, on_value={"a": [1]})
    flags.flag(ws, "half", rules=[rule(50)])
    flags.flag(ws, "off", on=False)
    client = asking(portal.web.url)
    who = EvaluationContext("u-1", {"tier": 2, "nested": {"x": 1}, "beta": True})

    on = client.get_boolean_details("new-planner", False, who)
    assert (on.value, on.reason, on.variant, on.error_code) == (True, Reason.STATIC, "on", None)
    color = client.get_string_details("color", "-", who)
    assert (color.value, color.variant, color.error_code) == ("red", "red", None)
    assert client.get_integer_value("limit", 0, who) == 7
    ratio = client.get_float_details("ratio", 0.5, who)
    assert (ratio.value, ratio.error_code) == (1.0, None)
    assert client.get_object_value("shape", {}, who) == {"a": [1]}
    assert client.get_boolean_details("off", True, who).reason == Reason.DISABLED
    assert client.get_boolean_details("half", False, who).reason == Reason.SPLIT
    keyless = client.get_boolean_details("half", True)
    assert (keyless.value, keyless.error_code) == (True, ErrorCode.TARGETING_KEY_MISSING)
    missing = client.get_boolean_details("no-such", True, who)
    assert (missing.value, missing.error_code) == (True, ErrorCode.FLAG_NOT_FOUND)
    wrong = client.get_integer_details("color", 3, who)
    assert (wrong.value, wrong.error_code) == (3, ErrorCode.TYPE_MISMATCH)
    when(lambda: FlagUsage.objects.filter(flag_name="limit", yes=1).exists())
    when(lambda: UnknownFlag.objects.filter(flag_name="no-such").exists())


def test_openfeature__hears_of_a_kill_within_a_second(
    either_portal: Portal, place: Place, asking: Callable[[str], Any]
) -> None:
    """Killed through another process than the one that answers."""
    client = asking(either_portal.web.url)
    who = EvaluationContext("u-1")
    assert client.get_boolean_value("new-planner", False, who) is True
    kill(either_portal.stream.url, place.key, "new-planner")
    assert when(lambda: not client.get_boolean_value("new-planner", True, who), 1.0) < 1.0


# --- Unleash ------------------------------------------------------------------------------------


@pytest.fixture
def unleash(place: Place, tmp_path: Path) -> Iterator[Callable[..., UnleashClient]]:
    running: list[UnleashClient] = []

    def start(url: str, **told: Any) -> UnleashClient:
        client = UnleashClient(
            url=f"{url}/unleash/api",
            app_name="shop",
            instance_id=f"i-{len(running)}",
            custom_headers={"Authorization": place.secret()},
            refresh_interval=1,
            metrics_interval=1,
            cache_directory=str(tmp_path / f"cache-{len(running)}"),
            multiple_instance_mode=InstanceAllowType.SILENTLY_ALLOW,
            **told,
        )
        running.append(client)
        client.initialize_client()
        return client

    yield start
    for each in running:
        each.destroy()


def while_asking(client: UnleashClient, work: Callable[[], None]) -> None:
    """Do this while another thread asks without pause; none of its questions may fail."""
    done, wrong = threading.Event(), []

    def ask() -> None:
        while not done.is_set():
            answer = client.is_enabled("new-planner", {"userId": "u-1"})
            if answer not in (True, False):
                wrong.append(answer)

    asker = threading.Thread(target=ask)
    asker.start()
    try:
        work()
    finally:
        done.set()
        asker.join()
    assert not wrong


def test_unleash__polling_hears_of_a_kill_within_its_interval_and_a_second(
    either_portal: Portal, place: Place, unleash: Callable[..., UnleashClient]
) -> None:
    client = unleash(either_portal.web.url)
    when(lambda: client.is_enabled("new-planner"))

    def work() -> None:
        kill(either_portal.stream.url, place.key, "new-planner")
        assert when(lambda: not client.is_enabled("new-planner"), 2.0) < 2.0

    while_asking(client, work)


def test_unleash__streaming_hears_of_a_kill_within_a_second(
    either_portal: Portal, place: Place, unleash: Callable[..., UnleashClient]
) -> None:
    client = unleash(either_portal.stream.url, experimental_mode={"type": "streaming"})
    when(lambda: client.is_enabled("new-planner"))

    def work() -> None:
        kill(either_portal.web.url, place.key, "new-planner")
        assert when(lambda: not client.is_enabled("new-planner"), 1.0) < 1.0

    while_asking(client, work)
    # What comes and goes is heard as well.
    flags.flag(place.workspace, "later")
    assert when(lambda: client.is_enabled("later"), 1.0) < 1.0


def test_unleash__tells_what_it_asked_and_measured(
    portal: Portal, place: Place, unleash: Callable[..., UnleashClient]
) -> None:
    client = unleash(portal.web.url)
    when(lambda: client.is_enabled("new-planner"))
    client.is_enabled("nobody-made-this")
    labels = MetricFlagContext(flag_names=["new-planner"], context={})
    client.impact_metrics.define_counter("errors", "failed orders")
    client.impact_metrics.increment_counter("errors", 3, labels)
    client.impact_metrics.define_histogram("latency", "of an order", [0.1, 1.0])
    client.impact_metrics.observe_histogram("latency", 0.5, labels)
    when(lambda: FlagUsage.objects.filter(app="shop", flag_name="new-planner", yes__gt=0).exists())
    when(lambda: UnknownFlag.objects.filter(flag_name="nobody-made-this", app="shop").exists())
    when(lambda: ImpactSample.objects.filter(name="latency", count=1).exists())
    errors = ImpactSample.objects.get(name="errors")
    assert (errors.app, errors.value, errors.labels) == ("shop", 3.0, {"new-planner": "enabled"})
    latency = ImpactSample.objects.get(name="latency")
    assert (latency.value, latency.buckets) == (0.5, {"0.1": 0, "1": 1, "+Inf": 1})
    running = SdkInstance.objects.get(app="shop")
    assert running.sdk.startswith("unleash-python-sdk:")


def test_unleash__gives_the_variants_the_portal_gives(
    portal: Portal, place: Place, unleash: Callable[..., UnleashClient],
    asking: Callable[[str], Any],
) -> None:  # fmt: skip
    ways = [variant("red", 300, "r"), variant("blue", 700, "b")]
    flags.flag(place.workspace, "color", value_type="string", off_value="-", on_value="+",
               rules=[rule(50)], variants=ways)  # fmt: skip
    url = portal.web.url
    there, here = unleash(url), asking(url)
    when(lambda: there.is_enabled("new-planner"))
    for number in range(40):
        who = f"user-{number}"
        told = here.get_string_details("color", "?", EvaluationContext(who))
        local = there.get_variant("color", {"userId": who})
        expected = local["name"] if local["enabled"] else "off"
        assert told.variant == expected, who
