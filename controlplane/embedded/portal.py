"""The portal's own processes: which environment each one sees, and its command line."""

from __future__ import annotations

import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from controlplane.embedded.state import State, write_private
from controlplane.embedded.supervise import Program

ROOT: Final = Path(__file__).resolve().parents[2]
EVERY_ADDRESS: Final = ("0.0.0.0", "::")  # noqa: S104 - recognised here, chosen by `--bind`
# What another terminal needs; the owner's URL too, because its user holds the secrets anyway.
FOR_COMMANDS = (
    "SECRET_KEY",
    "CONTROLPLANE_SIGNING_KEY",
    "CONTROLPLANE_AUDIT_SEAL_KEY",
    "CONTROLPLANE_PSEUDONYM_KEY",
    "CONTROLPLANE_ENV",
    "CONTROLPLANE_PUBLIC_URL",
    "CONTROLPLANE_HTTPS_ONLY",
    "CONTROLPLANE_REQUIRE_MFA",
    "ALLOWED_HOSTS",
    "DATABASE_URL",
    "DATABASE_OWNER_URL",
    "REDIS_URL",
)


@dataclass(frozen=True)
class Address:
    bind: str = "127.0.0.1"
    port: int = 8000
    tls: bool = False

    @property
    def host(self) -> str:
        """Where this machine itself reaches it."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.bind, self.bind)  # noqa: S104
        return f"[{host}]" if ":" in host else host

    @property
    def url(self) -> str:
        if self.tls:
            return f"https://localhost:{self.port}"
        return f"http://{self.host}:{self.port}"

    @classmethod
    def of_url(cls, url: str) -> Address:
        parts = urlsplit(url)
        return cls(parts.hostname or "127.0.0.1", parts.port or 8000, parts.scheme == "https")

    def hosts(self) -> list[str]:
        names = ["127.0.0.1", "localhost", "[::1]"]
        if self.bind in EVERY_ADDRESS:
            names += [socket.gethostname(), *_own_addresses()]
        else:
            names.append(self.host)
        return list(dict.fromkeys(names))


def _own_addresses() -> list[str]:
    """The address other machines most likely use. Connecting UDP sends nothing."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect(("192.0.2.1", 9))
            return [str(probe.getsockname()[0])]
    except OSError:
        return []


def wants_second_factor(
    chosen: bool | None, address: Address, *, environ: Mapping[str, str], demo: bool
) -> bool:
    """The flag, else the environment, else on; but a demo that only this machine reaches lets
    people look around with a password, and says so."""
    if chosen is not None:
        return chosen
    if "CONTROLPLANE_REQUIRE_MFA" in environ:
        return environ["CONTROLPLANE_REQUIRE_MFA"].lower() in {"1", "true", "yes", "on"}
    local = address.bind in {"127.0.0.1", "::1", "localhost"}
    production = environ.get("CONTROLPLANE_ENV") == "production"
    return production or not (demo and local)


def environment(
    state: State,
    address: Address,
    *,
    secrets: Mapping[str, str],
    servers: Mapping[str, str],
    environ: Mapping[str, str],
    second_factor: bool = True,
) -> dict[str, str]:
    """For worker, beat and commands. What the caller's environment says stays as it is."""
    return {
        "CONTROLPLANE_PUBLIC_URL": address.url,
        "ALLOWED_HOSTS": ",".join(address.hosts()),
        "CONTROLPLANE_HTTPS_ONLY": "1" if address.tls else "0",
        "PROMETHEUS_MULTIPROC_DIR": str(state.metrics),
        "PYTHONUNBUFFERED": "1",
        **{name: value for name, value in environ.items() if name != "VIRTUAL_ENV"},
        **secrets,
        **servers,
        "CONTROLPLANE_REQUIRE_MFA": "1" if second_factor else "0",
        "CONTROLPLANE_STATE_DIR": str(state.root),
        "CONTROLPLANE_NO_BOOTSTRAP": "1",
        "DJANGO_SETTINGS_MODULE": "controlplane.settings",
        "PYTHONPATH": str(ROOT),
    }


def for_web(env: Mapping[str, str]) -> dict[str, str]:
    """Processes that strangers reach never hold the role that owns the tables."""
    return {name: value for name, value in env.items() if name != "DATABASE_OWNER_URL"}


def write_environment(state: State, env: Mapping[str, str]) -> None:
    lines = [f"{name}={env[name]}\n" for name in FOR_COMMANDS if env.get(name)]
    heading = "# Made by `manage.py up`; read by every other `manage.py` command.\n"
    write_private(state.environment, heading + "".join(lines))


@dataclass(frozen=True)
class Sockets:
    web: tuple[Path, ...]  # of one process each
    stream: Path

    @classmethod
    def of(cls, state: State) -> Sockets:
        folder = state.socket_dir("stream.sock")
        web = tuple(folder / f"{name}.sock" for name in ("web-1", "web-2"))
        return cls(web, folder / "stream.sock")


def programs(env: Mapping[str, str], sockets: Sockets) -> list[Program]:
    celery = (sys.executable, "-m", "celery", "-A", "controlplane.celery", "--quiet")
    manage = (sys.executable, str(ROOT / "manage.py"))
    worker = ("worker", "--concurrency", "2", "--loglevel", "INFO", "--without-mingle")
    return [
        Program("beat", [*celery, "beat", "--loglevel", "INFO", "--pidfile", ""], env, ROOT),
        # Its broker dies together with the supervisor, and a worker that is asked politely waits
        # for the broker to come back. Killing it loses nothing: work is rows with leases.
        Program("worker", [*celery, *worker], env, ROOT, grace=30, death_signal=signal.SIGKILL),
        # Its commands end with it; whoever follows it looks for those that did not.
        Program("waker", [*manage, "wake_supervisor"], for_web(env), ROOT, grace=20),
        _server("stream", "asgi", sockets.stream, for_web(env), "--workers", "1"),
        *_web(sockets.web, for_web(env)),
    ]


def _web(paths: Sequence[Path], env: Mapping[str, str]) -> list[Program]:
    """Workers that answer one request at a time, each with a socket of its own: the proxy gives
    each request to whoever has fewer. Of two behind one socket, one may have all that is asked
    while the other waits, since connections stay where they were taken."""
    workers = 1 if len(paths) > 1 else 2
    options = ("--workers", str(workers), "--blocking-threads", "1", "--backlog", "2048")
    names = [f"web-{number}" for number in range(1, len(paths) + 1)] if len(paths) > 1 else ["web"]
    return [
        _server(name, "wsgi", path, env, *options) for name, path in zip(names, paths, strict=True)
    ]


def _server(
    name: str, interface: str, path: Path, env: Mapping[str, str], *options: str
) -> Program:
    def forget_socket() -> None:
        path.unlink(missing_ok=True)

    forget_socket()
    return Program(
        name=name,
        argv=[
            *(sys.executable, "-m", "granian", f"controlplane.{interface}:application"),
            *("--interface", interface, "--uds", str(path), "--uds-permissions", "0o600"),
            *("--http", "1", "--no-ws", "--respawn-failed-workers", "--respawn-interval", "0.5"),
            *("--workers-kill-timeout", "8", *options),
        ],
        env=dict(env),
        cwd=ROOT,
        grace=12,
        before_restart=forget_socket,
    )
