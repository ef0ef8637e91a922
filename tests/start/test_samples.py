"""The files in `ops/`: they parse, agree with the code, and keep the promises made of them."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from controlplane.embedded import portal, secrets
from controlplane.embedded.state import State

OPS = Path(__file__).resolve().parents[2] / "ops"
UNITS = sorted((OPS / "systemd").glob("*.service"))
NEED_OWNER = {"prepare", "worker", "beat"}
WEB = ("web-1", "web-2")
UNITS_OF_WEB = ("web@8001", "web@8003")


def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((OPS / "compose.yaml").read_text())
    return found


def unit(path: Path) -> configparser.ConfigParser:
    """systemd repeats keys, which plain ini does not: repeated values are joined by lines."""
    text: dict[str, list[str]] = {}
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    section = ""
    for line in path.read_text().splitlines():
        if line.startswith("["):
            section = line
            text.setdefault(section, [])
        elif line and not line.startswith("#"):
            text[section].append(line)
    for heading, lines in text.items():
        joined: dict[str, str] = {}
        for line in lines:
            name, equals, value = line.partition("=")
            assert equals, line
            joined[name] = f"{joined[name]}\n{value}" if name in joined else value
        parser[heading.strip("[]")] = joined
    return parser


# --- Compose ------------------------------------------------------------------------------------


def test_compose__has_every_process_and_server() -> None:
    services = compose()["services"]
    assert {"stream", "worker", "waker", "beat", "postgres", "redis", *WEB} <= set(services)
    published = {name for name, service in services.items() if service.get("ports")}
    assert published == {"proxy"}


def test_compose__processes_that_strangers_reach__never_hold_the_owner() -> None:
    for name, service in compose()["services"].items():
        holds = "DATABASE_OWNER_URL" in service.get("environment", {})
        assert holds == (name in NEED_OWNER), name


def test_compose__runs_as_the_code_does() -> None:
    services = compose()["services"]
    built = {p.name: p for p in portal.programs(_environment(), _sockets())}
    assert services["worker"]["command"][:4] == ["celery", "-A", "controlplane.celery", "worker"]
    assert services["beat"]["command"][:4] == ["celery", "-A", "controlplane.celery", "beat"]
    assert "controlplane.asgi:application" in services["stream"]["command"]
    assert "controlplane.celery" in built["worker"].argv
    assert services["waker"]["command"][-1] == built["waker"].argv[-1] == "wake_supervisor"
    assert "DATABASE_OWNER_URL" not in built["waker"].env
    assert "controlplane.asgi:application" in built["stream"].argv


def test_compose__the_proxy_knows_each_web_process_by_itself() -> None:
    services = compose()["services"]
    told = services["proxy"]["environment"]
    addresses = [told["CONTROLPLANE_WEB"], *told["CONTROLPLANE_WEB_MORE"].split()]
    assert addresses == [f"{name}:8001" for name in WEB]
    assert set(WEB) <= set(services["proxy"]["depends_on"])
    assert len(addresses) == len(portal.Sockets.of(State.at("/srv/none")).web)
    (command,) = (rest for word, rest in instructions() if word == "CMD")
    assert '"--port", "8001"' in command
    assert '"--workers", "1"' in command


def test_compose__every_value_it_asks_for__stands_in_the_example() -> None:
    text = (OPS / "compose.yaml").read_text()
    asked = set(re.findall(r"\$\{([A-Z_]+)", text))
    given = set(re.findall(r"^([A-Z_]+)=", (OPS / "compose.env.example").read_text(), re.M))
    assert asked == given
    assert set(secrets.FOR_THE_PORTAL) <= given
    assert not re.search(r"PASSWORD: (?!\$)", text)


def test_compose__waits_for_servers_and_preparation() -> None:
    services = compose()["services"]
    for name in (*WEB, "stream", "worker", "waker", "beat"):
        conditions = {k: v["condition"] for k, v in services[name]["depends_on"].items()}
        assert conditions["prepare"] == "service_completed_successfully"
        assert conditions["postgres"] == conditions["redis"] == "service_healthy"


# --- Dockerfile ---------------------------------------------------------------------------------


def instructions() -> list[tuple[str, str]]:
    text = (OPS / "Dockerfile").read_text()
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    whole = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in whole.splitlines())]


def test_dockerfile__known_instructions__unprivileged_and_locked() -> None:
    found = instructions()
    known = {
        "FROM",
        "ENV",
        "RUN",
        "WORKDIR",
        "COPY",
        "USER",
        "VOLUME",
        "EXPOSE",
        "STOPSIGNAL",
        "CMD",
    }
    assert {word for word, _ in found} <= known
    assert ("USER", "controlplane") in found
    assert any("uv sync --frozen --no-dev" in rest for word, rest in found if word == "RUN")
    assert not any("SECRET" in rest or "PASSWORD" in rest for _, rest in found)
    version = re.search(r'"([\d.]+)"', (OPS.parent / "controlplane/bootstrap.py").read_text())
    assert version
    assert any(f"uv=={version[1]}" in rest for _, rest in found)
    for word, rest in found:
        if word == "COPY" and "--from" not in rest:
            for source in rest.split()[:-1]:
                assert (OPS.parent / source).exists(), source


# --- systemd ------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.stem)
def test_unit__is_complete_confined_and_unprivileged(path: Path) -> None:
    found = unit(path)
    service = found["Service"]
    assert found["Unit"]["Description"]
    assert service["User"] != "root"
    assert service["NoNewPrivileges"] == "yes"
    assert service["ProtectSystem"] == "strict"
    assert found["Install"]["WantedBy"] == "controlplane.target"
    command = service["ExecStart"]
    assert command.startswith("/")
    name = path.stem.removeprefix("controlplane-").rstrip("@")
    assert ("owner.env" in service["EnvironmentFile"]) == (name in NEED_OWNER)
    if name not in ("prepare",):
        assert service["Restart"] == "always"


def test_units__the_target_wants_every_process() -> None:
    wants = unit(OPS / "systemd" / "controlplane.target")["Unit"]["Wants"].split()
    wanted = [name.removeprefix("controlplane-").removesuffix(".service") for name in wants]
    assert set(wanted) == {"stream", "worker", "waker", "beat", "prepare", *UNITS_OF_WEB}
    for name in wants:
        assert (OPS / "systemd" / re.sub(r"@\d+", "@", name)).exists()


def test_units__the_proxies_know_each_web_process_by_itself() -> None:
    ports = [name.partition("@")[2] for name in UNITS_OF_WEB]
    found = unit(OPS / "systemd" / "controlplane-proxy.service")
    told = dict(line.split("=", 1) for line in found["Service"]["Environment"].splitlines() if line)
    asked = [told["CONTROLPLANE_WEB"], *told["CONTROLPLANE_WEB_MORE"].split()]
    assert asked == [f"127.0.0.1:{port}" for port in ports]
    assert all(f"controlplane-{name}.service" in found["Unit"]["After"] for name in UNITS_OF_WEB)
    upstream = re.search(r"upstream controlplane_web \{(.*?)\}", nginx(), re.DOTALL)
    assert upstream
    assert re.findall(r"server (\S+?)[ ;]", upstream[1]) == asked
    assert "least_conn;" in upstream[1]
    assert "lb_policy least_conn" in (OPS / "Caddyfile").read_text()


def test_units__commands_are_those_of_the_code() -> None:
    sockets = portal.Sockets.of(State.at("/srv/none"))
    programs = {p.name: p for p in portal.programs(_environment(), sockets)}
    for name, program in (("web@", "web-1"), ("stream", "stream")):
        command = unit(OPS / "systemd" / f"controlplane-{name}.service")["Service"]["ExecStart"]
        argv = programs[program].argv
        application = next(word for word in argv if word.startswith("controlplane."))
        assert application in command
        for option in ("--workers", "--interface"):
            assert f"{option} {argv[list(argv).index(option) + 1]}" in command


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd isn't installed")
def test_units__systemd_itself_accepts_them(tmp_path: Path) -> None:
    """Programs and users of the sample's machine don't exist here; nothing else may be wrong."""
    for path in (OPS / "systemd").iterdir():
        shutil.copy(path, tmp_path)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *map(str, sorted(tmp_path.iterdir()))],
        capture_output=True,
        text=True,
        timeout=60,
    )
    complaints = [
        line
        for line in done.stderr.splitlines()
        if str(tmp_path) in line or "controlplane" in line
        if not re.search(
            r"is not executable|Failed to (create|add)|not found|/etc/controlplane", line
        )
    ]
    assert complaints == []


# --- nginx --------------------------------------------------------------------------------------


def nginx() -> str:
    lines = (OPS / "nginx.conf").read_text().splitlines()
    return "\n".join(line.partition("#")[0].rstrip() for line in lines)


def test_nginx__braces_and_semicolons() -> None:
    depth = 0
    for number, line in enumerate(nginx().splitlines(), 1):
        stripped = re.sub(r'"[^"]*"', '""', line).strip()
        assert not stripped or stripped[-1] in "{};", f"line {number}: {line}"
        depth += stripped.count("{") - stripped.count("}")
        assert depth >= 0, f"line {number}"
    assert depth == 0


def test_nginx__nothing_that_the_one_of_debian_12_does_not_know() -> None:
    """It is 1.22: `http2` as a directive of its own came with 1.25, and it would not start."""
    text = nginx()
    assert re.findall(r"listen [^;]*443[^;]*;", text) == [
        "listen 443 ssl http2;", "listen [::]:443 ssl http2;",
    ]  # fmt: skip
    assert not re.search(r"^\s*http2\s", text, re.MULTILINE)


def test_nginx__tls_1_3_only_and_slow_clients_held() -> None:
    text = nginx()
    assert re.findall(r"ssl_protocols\s+([^;]+);", text) == ["TLSv1.3"]
    for line in (
        "client_header_timeout 10s;",
        "client_body_timeout 10s;",
        "proxy_request_buffering on;",
        "underscores_in_headers off;",
        "proxy_set_header X-Forwarded-For $remote_addr;",
    ):
        assert line in text


def test_nginx__same_limit_as_the_other_proxy() -> None:
    assert "client_max_body_size 16m;" in nginx()
    assert "max_size 16MB" in (OPS / "Caddyfile").read_text()


def _environment() -> dict[str, str]:
    return portal.environment(
        State.at("/srv/none"), portal.Address(), secrets={}, servers={}, environ={}
    )


def _sockets() -> portal.Sockets:
    return portal.Sockets((Path("/srv/none/web.sock"),), Path("/srv/none/stream.sock"))
