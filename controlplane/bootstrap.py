"""Makes `.venv` with the standard library alone, then continues inside it.

Runs under whatever `python3` the machine has, so nothing here may need a newer syntax than 3.7:
an old Python must reach the sentence that says it is too old.
"""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import shutil
import subprocess
import sys
import time

SYSTEM_CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
UV_VERSION = "0.13.9"
UV_OLDEST = (0, 13)
PYTHON_OLDEST = (3, 11)
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".venv")
STAMP = os.path.join(VENV, ".prepared")
STATE_COMMANDS = ("up", "down", "doctor", "test")
# These start servers themselves, or must not meet the running portal's database.
WITHOUT_PORTAL_ENVIRONMENT = ("up", "down", "test")
APT_LINE = "sudo apt-get install -y python3-venv"
_started = time.monotonic()


class Stop(Exception):
    """A message for the person at the terminal: what is wrong and the exact next step."""


def say(text: str) -> None:
    print(f"{time.monotonic() - _started:6.1f} s  {text}", flush=True)


def ensure(argv: list[str]) -> None:
    """Return when this interpreter is `.venv`'s own; otherwise prepare it and replace us."""
    try:
        take_state_option(argv)
        if os.environ.get("CONTROLPLANE_NO_BOOTSTRAP") == "1":
            return
        check_python()
        command = argv[1] if len(argv) > 1 else ""
        inside = os.path.realpath(sys.prefix) == os.path.realpath(VENV)
        # What stops or looks must work with whatever is installed, also without a network.
        if command in ("down", "doctor") and os.path.exists(STAMP) and _exists("bin", "python"):
            if not inside:
                _continue_inside(argv)
        elif not inside or command in ("up", "test"):
            changed = prepare(dev=command == "test" or _exists("bin", "pytest"))
            write_bd()
            write_operators()
            if changed or not inside:
                _continue_inside(argv)
    except Stop as stop:
        print(f"\n{stop}", file=sys.stderr)
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        print("\nStopped. The same command continues where this one ended.", file=sys.stderr)
        raise SystemExit(130) from None


def _continue_inside(argv: list[str]) -> None:
    python = os.path.join(VENV, "bin", "python")
    os.environ["CONTROLPLANE_STARTED_AT"] = str(time.time() - (time.monotonic() - _started))
    os.execv(python, [python, os.path.join(ROOT, "manage.py"), *argv[1:]])  # noqa: S606


# --- The state folder -------------------------------------------------------------------------


def state_dir() -> str:
    return os.path.abspath(os.environ.get("CONTROLPLANE_STATE_DIR") or os.path.join(ROOT, ".state"))


def take_state_option(argv: list[str]) -> None:
    """`--state DIR` decides which settings load, so it must be known before Django's parser."""
    if len(argv) < 2 or argv[1] not in STATE_COMMANDS:
        return
    index = 2
    while index < len(argv) and argv[index] != "--":
        name, equals, value = argv[index].partition("=")
        if name != "--state":
            index += 1
            continue
        if not equals:
            if index + 1 >= len(argv):
                raise Stop(f"--state needs a folder: python3 manage.py {argv[1]} --state DIR")
            value = argv.pop(index + 1)
        argv.pop(index)
        os.environ["CONTROLPLANE_STATE_DIR"] = os.path.abspath(value)


def load_environment(argv: list[str]) -> None:
    """Let `manage.py anything` in another terminal find the portal that `up` runs."""
    command = argv[1] if len(argv) > 1 else ""
    if command in WITHOUT_PORTAL_ENVIRONMENT or os.environ.get("DATABASE_URL"):
        return
    path = os.path.join(state_dir(), "portal.env")
    try:
        with open(path, encoding="utf-8") as lines:
            for line in lines:
                name, equals, value = line.rstrip("\n").partition("=")
                if equals and not name.startswith("#"):
                    os.environ.setdefault(name, value)
    except FileNotFoundError:
        return
    except PermissionError:
        print(f"{path} belongs to another user; run this as the one who ran `up`.", file=sys.stderr)


# --- Preparing --------------------------------------------------------------------------------


def check_python(version: tuple[int, ...] | None = None) -> None:
    version = tuple(version or sys.version_info[:3])
    if version < PYTHON_OLDEST:
        raise Stop(
            f"This needs Python 3.11 or newer and {sys.executable} is "
            f"{'.'.join(map(str, version))}: run it with a newer one, for example "
            "`python3.11 manage.py up`."
        )


def _exists(*parts: str) -> bool:
    return os.path.exists(os.path.join(VENV, *parts))


def fingerprint() -> str:
    digest = hashlib.sha256("{}.{} ".format(*sys.version_info[:2]).encode())
    for name in ("uv.lock", "pyproject.toml"):
        try:
            with open(os.path.join(ROOT, name), "rb") as handle:
                digest.update(handle.read())
        except OSError as error:
            raise Stop(
                f"{name} can't be read ({error.strerror}): get a complete copy of the repository."
            ) from None
    return digest.hexdigest()


def prepare(dev: bool) -> bool:
    """Bring `.venv` to the lock file; say nothing and return False when it is there already."""
    wanted = fingerprint()
    try:
        with open(STAMP, encoding="utf-8") as handle:
            have, _, groups = handle.read().strip().partition(" ")
    except OSError:
        have = groups = ""
    if have == wanted and (groups == "dev" or not dev) and _exists("bin", "python"):
        return False
    dev = dev or groups == "dev"
    with _Lock():
        uv = find_uv() or install_uv()
        sync(uv, dev)
    try:
        with open(STAMP, "w", encoding="utf-8") as handle:
            handle.write(f"{wanted} {'dev' if dev else 'run'}\n")
    except OSError as error:
        raise explain(str(error)) from None
    return True


class _Lock:
    """Two first starts at once must not build the same tools folder."""

    def __enter__(self) -> None:
        import fcntl

        try:
            os.makedirs(state_dir(), mode=0o700, exist_ok=True)
            self.handle = open(os.path.join(state_dir(), "bootstrap.lock"), "w")
        except OSError as error:
            raise explain(str(error)) from None
        fcntl.flock(self.handle, fcntl.LOCK_EX)

    def __exit__(self, *_: object) -> None:
        self.handle.close()


def find_uv() -> str | None:
    for candidate in (
        shutil.which("uv"),
        os.path.join(state_dir(), "tools", "bin", "uv"),
    ):
        if candidate and uv_version(candidate) >= UV_OLDEST:
            return candidate
    return None


def uv_version(path: str) -> tuple[int, ...]:
    try:
        out = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=30).stdout
    except (OSError, subprocess.SubprocessError):
        return (0,)
    found = re.match(r"uv (\d+)\.(\d+)", out)
    return tuple(int(part) for part in found.groups()) if found else (0,)


def install_uv() -> str:
    tools = os.path.join(state_dir(), "tools")
    say(f"Preparing the installer (uv {UV_VERSION}) in {tools}")
    python = os.path.join(tools, "bin", "python")
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        raise Stop(
            "This machine's Python has no venv module. Install it, then run the same command "
            f"again:\n\n    {APT_LINE}"
        ) from None
    run([sys.executable, "-m", "venv", "--clear", tools], f"creating {tools}")
    run(
        [
            python,
            *("-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
            f"uv=={UV_VERSION}",
        ],
        "installing uv",
    )
    return os.path.join(tools, "bin", "uv")


def sync(uv: str, dev: bool) -> None:
    say("Installing the packages of uv.lock into .venv" + (" (with test tools)" if dev else ""))
    env = dict(os.environ, UV_PYTHON_DOWNLOADS="never", UV_PROJECT_ENVIRONMENT=VENV)
    # An activated environment of somebody else's project must not catch the packages.
    env.pop("VIRTUAL_ENV", None)
    cache = env.get("UV_CACHE_DIR") or env.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    if not _writable(cache):
        env["UV_CACHE_DIR"] = os.path.join(state_dir(), "cache")
    if os.path.exists(SYSTEM_CERTIFICATES):
        # A company's proxy signs with an authority that only the machine's own list knows. A bare
        # machine has no list; there the installer's own one serves.
        env.setdefault("UV_SYSTEM_CERTS", "1")
    # Inside .venv, sys.executable is the thing being rebuilt: name the Python beneath it.
    base = getattr(sys, "_base_executable", None) or sys.executable
    command = [uv, "sync", "--frozen", "--no-progress", "--python", base, "--project", ROOT]
    run([*command, *(["--group", "dev"] if dev else ["--no-dev"])], "installing packages", env)
    say("Packages are in place")


def write_bd() -> None:
    """`.venv/bin/bd`, the work graph's client. Python starts bare (-I -S): a tool may start it a
    hundred times for one page, and nothing it needs lies in the packages."""
    code = (
        f"import sys; sys.path.insert(0, {ROOT!r}); "
        "from controlplane.bd.main import main; sys.exit(main(sys.argv[1:]))"
    )
    python = shlex.quote(os.path.join(VENV, "bin", "python"))
    text = f'#!/bin/sh\n# Made by manage.py.\nexec {python} -I -S -c {shlex.quote(code)} "$@"\n'
    _write_script("bd", text, "`python -m controlplane.bd` works")


def write_operators() -> None:
    """`.venv/bin/controlplane inspect-thread …`: manage.py, with commands in the spelling of the
    operators' playbooks."""
    code = (
        f"import sys; sys.path.insert(0, {ROOT!r}); sys.argv[0] = 'controlplane'; "
        "sys.argv[1:2] = [a if a.startswith('-') else a.replace('-', '_') for a in sys.argv[1:2]]; "
        "import manage; manage.main()"
    )
    python = shlex.quote(os.path.join(VENV, "bin", "python"))
    text = f'#!/bin/sh\n# Made by manage.py.\nexec {python} -c {shlex.quote(code)} "$@"\n'
    _write_script("controlplane", text, "`python3 manage.py` does the same")


def _write_script(name: str, text: str, otherwise: str) -> None:
    path = os.path.join(VENV, "bin", name)
    if _text_of(path) == text:
        return
    scratch = f"{path}.{os.getpid()}"
    try:
        handle = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o755)
        with os.fdopen(handle, "w", encoding="utf-8") as out:
            out.write(text)
        os.replace(scratch, path)
    except OSError as error:
        say(f"{name} can't be put into {path} ({error.strerror}); {otherwise}")


def _text_of(path: str) -> str | None:
    """None where nothing can be read: what stands there then, if anything, is written anew."""
    try:
        with open(path, encoding="utf-8") as there:
            return there.read()
    except (OSError, ValueError):
        return None


def _writable(path: str) -> bool:
    while not os.path.exists(path) and os.path.dirname(path) != path:
        path = os.path.dirname(path)
    return os.access(path, os.W_OK | os.X_OK)


def run(command: list[str], doing: str, env: dict[str, str] | None = None) -> None:
    """Run quietly, show that time passes, and turn a failure into a next step."""
    try:
        process = subprocess.Popen(
            command,
            env=env,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
    except OSError as error:
        raise explain(str(error), doing) from None
    while True:
        try:
            output = process.communicate(timeout=10)[0]
            break
        except subprocess.TimeoutExpired:
            say(f"still {doing}")
        except KeyboardInterrupt:
            process.terminate()
            process.wait()
            raise
    if process.returncode:
        raise explain(output, doing)


CAUSES = (
    (
        r"No space left|ENOSPC|os error 28|Disk quota",
        "The disk is full. Free about 1 GB (see `df -h {root}`), then run the same command again.",
    ),
    (
        r"ensurepip is not|No module named ensurepip|No module named venv",
        "This machine's Python has no venv module. Install it, then run the same command again:"
        "\n\n    " + APT_LINE,
    ),
    (
        r"Permission denied|Read-only file system|os error 13|os error 30|EACCES",
        "A file or folder can't be written. `ls -ld {root} {root}/.venv {state}` shows whose they "
        "are: run as that user, make them yours with `sudo chown -R $(id -u) {root}`, or choose "
        "another state folder with `--state DIR`.",
    ),
    (
        r"dns error|resolve|Connection refused|timed? ?out|Network is unreachable|unreachable"
        r"|Failed to (fetch|download)|error sending request|No matching distribution|ProxyError"
        r"|certificate",
        "The package index can't be reached. Check the network with "
        "`curl -I https://pypi.org/simple/` (behind a proxy set HTTPS_PROXY; for a mirror set "
        "UV_DEFAULT_INDEX and PIP_INDEX_URL), then run the same command again.",
    ),
    (
        r"No interpreter found|incompatible with the project's Python|requires-python",
        "No suitable Python was found. Run it with Python 3.11 or newer: "
        "`python3.11 manage.py up`.",
    ),
    (
        r"lockfile.*(update|parse)|Failed to parse `uv.lock`",
        "uv.lock doesn't fit pyproject.toml. Restore both with `git checkout uv.lock "
        "pyproject.toml`, then run the same command again.",
    ),
)


def explain(output: str, doing: str = "") -> Stop:
    lines = [line.rstrip() for line in output.splitlines() if line.strip()]
    tail = "\n".join("    " + line for line in lines[-12:])
    step = (
        "Run the same command again; if it fails the same way, remove {root}/.venv and "
        "{state}/tools first."
    )
    for pattern, cause in CAUSES:
        if re.search(pattern, output, re.IGNORECASE):
            step = cause
            break
    what = f"{(doing or 'preparing').capitalize()} failed:\n{tail}\n\n" if tail else ""
    return Stop(what + step.format(root=ROOT, state=state_dir()))
