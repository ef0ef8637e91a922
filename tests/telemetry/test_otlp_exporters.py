"""The real exporters against the portal as it runs: through a refusal, a restart, in chunks.

A proxy stands before the portal: it answers some requests with 503 in the portal's stead and
drops the answer of others, which is when an exporter sends again what is already stored.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry._logs import SeverityNumber
from opentelemetry.exporter.otlp.json.http._log_exporter import (
    OTLPLogExporter as JsonLogs,
)
from opentelemetry.exporter.otlp.json.http.trace_exporter import (
    OTLPSpanExporter as JsonSpans,
)
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from telemetry.models import Event
from tests import make
from tests.clients import installing
from tests.kit.flaky import Flaky
from tests.kit.served import Served

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("otlp")]
COUNT = 250
DRIVER = Path(installing.__file__).parent / "drivers" / "otlp_export.mjs"


@pytest.fixture
def portal(transactional_db: None, tmp_path: Path) -> Iterator[Served]:
    served = Served(tmp_path / "granian.log")
    served.start()
    yield served
    served.stop()


@pytest.fixture
def flaky(portal: Served) -> Iterator[Flaky]:
    with Flaky(portal.port) as proxy:
        yield proxy


def key() -> str:
    return make.key(make.agent(make.workspace(), role="executor"))[1]


def everything_once(label: str, count: int = COUNT) -> None:
    """Each log and each span, and none twice."""
    for kind, column in (("log", "message"), ("span", "operation")):
        rows = Event.objects.filter(event_type=kind, **{f"{column}__startswith": label})
        found = sorted(rows.values_list(column, flat=True))
        assert found == sorted(f"{label} {kind} {n}" for n in range(count))


EXPORTERS: dict[str, tuple[Any, Any, dict[str, Any]]] = {
    "protobuf": (OTLPLogExporter, OTLPSpanExporter, {}),
    "gzip": (OTLPLogExporter, OTLPSpanExporter, {"compression": Compression.Gzip}),
    "json": (JsonLogs, JsonSpans, {}),
}


class Python:
    """An SDK as a Python service sets it up."""

    def __init__(self, name: str, base: str, secret: str) -> None:
        logs, spans, more = EXPORTERS[name]
        more = {"headers": {"authorization": f"Bearer {secret}"}, "timeout": 120, **more}
        resource = Resource.create({"service.name": "exporting", "mission.id": "MIS-1"})
        batch: dict[str, Any] = {"max_export_batch_size": 50, "schedule_delay_millis": 100}
        self._logs = LoggerProvider(resource=resource)
        exporter = logs(endpoint=f"{base}/v1/logs", **more)
        self._logs.add_log_record_processor(BatchLogRecordProcessor(exporter, **batch))
        self._spans = TracerProvider(resource=resource)
        exporter = spans(endpoint=f"{base}/v1/traces", **more)
        self._spans.add_span_processor(BatchSpanProcessor(exporter, **batch))
        self._logger, self._tracer = self._logs.get_logger("t"), self._spans.get_tracer("t")

    def say(self, label: str, numbers: range) -> None:
        for n in numbers:
            self._tracer.start_span(f"{label} span {n}", attributes={"n": n}).end()
            self._logger.emit(
                body=f"{label} log {n}",
                severity_number=SeverityNumber.INFO,
                attributes={"n": n},
            )

    def close(self) -> None:
        assert self._logs.force_flush(120_000)
        assert self._spans.force_flush(120_000)
        self._logs.shutdown()
        self._spans.shutdown()


def test_python__through_refusals_lost_answers_and_a_restart__each_once(
    portal: Served, flaky: Flaky
) -> None:
    secret = key()
    sdks = {name: Python(name, f"{flaky.url}/api/v1/otlp", secret) for name in EXPORTERS}
    flaky.refuse(3)
    flaky.lose(3)
    for name, sdk in sdks.items():
        sdk.say(name, range(COUNT // 2))
    flaky.wait_until_done()
    flaky.gone()
    portal.stop()
    for name, sdk in sdks.items():
        sdk.say(name, range(COUNT // 2, COUNT))
    flaky.wait_until_asked()
    portal.start()
    flaky.back()
    for sdk in sdks.values():
        sdk.close()
    assert (flaky.refused, flaky.lost) == (5, 3)
    for name in sdks:
        everything_once(name)


def test_javascript__in_chunks__each_once(portal: Served, flaky: Flaky, tmp_path: Path) -> None:
    try:
        folder = installing.installed("opentelemetry-js")
    except installing.Missing as missing:
        pytest.skip(f"OpenTelemetry's JavaScript exporters can't be installed: {missing}")
    secret = key()
    for encoding in ("json", "protobuf"):
        flaky.refuse(1)
        flaky.lose(1)
        export(folder, encoding, flaky.url, secret, tmp_path)
        everything_once(encoding)
    assert (flaky.refused, flaky.lost) == (2, 2)
    assert flaky.chunked, "nothing came in chunks: the exporter has changed"
    assert not Event.objects.filter(context__icontains="secret words").exists()
    export(folder, "json", portal.url, secret, tmp_path, label="alone")
    everything_once("alone")


def export(folder: Path, encoding: str, url: str, secret: str, cwd: Path, label: str = "") -> None:
    """As somebody sets up a Node service: by the environment alone."""
    node = shutil.which("node")
    assert node
    env = {
        "PATH": os.environ["PATH"],
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"{url}/api/v1/otlp",
        "OTEL_EXPORTER_OTLP_HEADERS": f"authorization=Bearer%20{secret}",
        "OTEL_EXPORTER_OTLP_TIMEOUT": "60000",
    }
    argv = [node, str(DRIVER), str(folder), encoding, str(COUNT), label or encoding]
    done = subprocess.run(
        argv, env=env, cwd=cwd, capture_output=True, text=True, timeout=180, check=False
    )
    assert done.returncode == 0, done.stderr
