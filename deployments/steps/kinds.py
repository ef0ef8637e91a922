"""What running a step means: a command, a call to a pipeline, a look at a health address."""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from controlplane.lib import http, sealed
from controlplane.lib.errors import Invalid, Unavailable
from controlplane.lib.redaction import MARK
from controlplane.lib.text import short
from deployments import numbers
from deployments.models import Adapter, Step
from deployments.steps import templates
from deployments.steps.output import Log, bounded, redacted

SEALED_FOR = "deployment-adapter"
# Writes the log so far and answers whether the step is still ours.
Renew = Callable[[str], bool]
# What a command sees of the portal's environment: nothing that is secret.
_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR")
_CHUNK = 65_536
_GRACE = 5.0  # seconds between asking a command to end and making it


@dataclass(frozen=True, slots=True)
class Ended:
    state: str  # done, failed, or waits: the pipeline will report
    output: str = ""
    exit_code: int | None = None
    outcome: str = ""


def run(step: Step, renew: Renew) -> Ended:
    if step.kind == Step.Kind.HEALTH_CHECK:
        return look(step)
    assert step.adapter is not None
    if not step.adapter.enabled:
        return Ended("failed", outcome=f"The adapter {step.adapter.slug} was switched off.")
    if step.kind == Step.Kind.HOOK:
        return call(step, step.adapter)
    return command(step, step.adapter, renew)


# --- A command ----------------------------------------------------------------------------------


def arguments(step: Step, adapter: Adapter) -> list[str]:
    """The adapter's argv with its placeholders filled. Each stays one argument, whatever is in
    it; no shell reads it."""
    values = templates.values(step.deployment, step.component.slug if step.component else "")
    allowed = {name: values[name] for name in ("release", "environment", "image", "commit")}
    allowed["component"] = values["component"]
    return [templates.fill(part, allowed) for part in adapter.argv]


def command(step: Step, adapter: Adapter, renew: Renew) -> Ended:
    log = Log()
    deadline = time.monotonic() + adapter.timeout_s
    with tempfile.TemporaryDirectory(prefix="deployment-") as folder:
        try:
            process = subprocess.Popen(  # noqa: S603 - from the allow-list, no shell
                arguments(step, adapter),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env=_environment(step),
                start_new_session=True,  # so that its children can be ended with it
            )
        except (OSError, ValueError) as error:
            return Ended("failed", outcome=f"It could not be started: {short(str(error), 200)}")
        try:
            why = _follow(process, log, deadline, renew)
        finally:
            _end(process)
    log.end()
    code = process.returncode
    if why:
        return Ended("failed", log.text, code, why)
    return Ended("done" if code == 0 else "failed", log.text, code)


def _environment(step: Step) -> dict[str, str]:
    passed_on = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    row = step.deployment
    return passed_on | {
        "DEPLOYMENT": row.ref,
        "DEPLOY_RELEASE": row.running_release,
        "DEPLOY_ENVIRONMENT": row.environment.slug,
        "DEPLOY_STEP": str(step.uid),
        "DEPLOY_ATTEMPT": str(step.attempt),
    }


def _follow(process: subprocess.Popen[bytes], log: Log, deadline: float, renew: Renew) -> str:
    """Read until it ends. Why it was ended, or ""."""
    assert process.stdout is not None
    descriptor = process.stdout.fileno()
    os.set_blocking(descriptor, False)
    every = numbers.LOG_SECONDS.value
    told = time.monotonic()
    open_ = True
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        while True:
            now = time.monotonic()
            if now >= deadline:
                return "It took longer than its time-out and was ended."
            if now >= told + every:
                told = now
                if not renew(log.text):
                    return "It was taken from the worker and ended."
            patience = min(every, deadline - now)
            if not open_:  # it says no more, and may still be at work
                if _ended(process, patience):
                    return ""
                continue
            ready = selector.select(patience)
            if ready and not _read(descriptor, log):
                selector.unregister(descriptor)
                open_ = False
            elif not ready and process.poll() is not None:
                return ""  # a child of its own holds the pipe open: that is not waited for


def _ended(process: subprocess.Popen[bytes], patience: float) -> bool:
    try:
        process.wait(timeout=patience)
    except subprocess.TimeoutExpired:
        return False
    return True


def _read(descriptor: int, log: Log) -> bool:
    try:
        data = os.read(descriptor, _CHUNK)
    except BlockingIOError:
        return True
    log.feed(data)
    return bool(data)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Whatever is left of it and its children."""
    for number, patience in ((signal.SIGTERM, _GRACE), (signal.SIGKILL, None)):
        try:
            process.wait(timeout=0 if process.poll() is not None else 0.2)
        except subprocess.TimeoutExpired:
            _signal(process, number)
            try:
                process.wait(timeout=patience)
            except subprocess.TimeoutExpired:
                continue
        break
    _signal(process, signal.SIGKILL)
    if process.stdout is not None:
        process.stdout.close()


def _signal(process: subprocess.Popen[bytes], number: int) -> None:
    try:
        os.killpg(process.pid, number)
    except (ProcessLookupError, PermissionError):
        return


# --- A pipeline ---------------------------------------------------------------------------------


def payload(step: Step) -> dict[str, Any]:
    row = step.deployment
    return {
        "deployment": row.ref,
        "step": str(step.uid),
        "attempt": step.attempt,
        "slug": step.slug,
        "release": row.running_release,
        "environment": row.environment.slug,
        "component": step.component.slug if step.component is not None else "",
        "commit": row.commit_sha,
        "image": {"tag": row.image_tag, "digest": row.image_digest},
    }


def call(step: Step, adapter: Adapter) -> Ended:
    """One signed call. 202: the pipeline took it and reports to the CI endpoint; another 2xx: it
    is done. The key lets a receiver that got it twice do it once."""
    secret = sealed.unseal(adapter.secret, SEALED_FOR).encode()
    body = json.dumps(payload(step), sort_keys=True).encode()
    headers = {
        "Content-Type": "application/json",
        "Idempotency-Key": f"{step.uid}:{step.attempt}",
    }
    try:
        answer = http.request(
            "POST",
            adapter.url,
            data=body,
            headers=headers,
            sign_with=secret,
            timeout=min(float(adapter.timeout_s), numbers.LEASE_SECONDS.value / 2),
        )
    except (Invalid, Unavailable) as error:
        return Ended("failed", outcome=short(error.message, 400))
    # A receiver that tells what it expected tells the secret.
    said = answer.body.replace(secret, MARK.encode()).decode("utf-8", "replace")
    text = bounded(redacted(said))
    if answer.status == 202:
        return Ended("waits", text, None, "The pipeline took it; its report is waited for.")
    if 200 <= answer.status < 300:
        return Ended("done", text, None, f"The pipeline answered {answer.status}.")
    return Ended("failed", text, None, f"The pipeline answered {answer.status}.")


# --- Health -------------------------------------------------------------------------------------


def look(step: Step) -> Ended:
    try:
        answer = http.request("GET", step.url, timeout=numbers.HEALTH_SECONDS.value)
    except (Invalid, Unavailable) as error:
        return Ended("failed", outcome=short(error.message, 400))
    text = bounded(redacted(answer.body.decode("utf-8", "replace")[:4_000]))
    healthy = 200 <= answer.status < 300
    return Ended("done" if healthy else "failed", text, None, f"It answered {answer.status}.")
