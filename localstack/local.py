#!/usr/bin/env python3
"""Local AWS for the demo and the tests: virtual environments, servers, the planted organization.

    local.py venv  {moto,localstack}                 make or update a virtual environment, print its python
    local.py serve {moto,localstack} [options]       run a server in the foreground; one JSON line when ready
    local.py run   {moto,localstack} [options] -- CMD ...   run CMD with a server up for just as long
    local.py start {moto,localstack} [options]       the same in the background
    local.py status {moto,localstack}
    local.py stop  {moto,localstack}

Options of serve, run and start: see `local.py serve --help`. Needs Python 3.11 and nothing else: the
servers run in virtual environments of their own (`.venv/moto`, `.venv/localstack`; `POSTURE_VENV`
names another parent directory). `POSTURE_MOTO_PYTHON` and `POSTURE_LOCALSTACK_PYTHON` name a python
that has the packages already. Everything listens on 127.0.0.1 only.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
KINDS = ("moto", "localstack")
REQUIREMENTS = {
    "moto": HERE / "requirements.txt",
    "localstack": HERE / "requirements-localstack.txt",
}
BACKPORT = HERE / "backport.py"
# Where `start` keeps the state of a server. One server of a kind for each directory.
RUN_DIR = ROOT / ".venv" / "run"


def say(text: str) -> None:
    print(f"local aws: {text}", file=sys.stderr, flush=True)


# --- virtual environments --------------------------------------------------------------------------


def python_for(kind: str) -> Path:
    """The python that has the server's packages, made when it is not there."""
    given = os.environ.get(f"POSTURE_{kind.upper()}_PYTHON")
    return Path(given) if given else ensure_venv(kind)


def ensure_venv(kind: str) -> Path:
    """Makes the virtual environment of `kind`, or leaves it alone when its requirements have not changed."""
    parent = Path(os.environ.get("POSTURE_VENV") or ROOT / ".venv")
    parent.mkdir(parents=True, exist_ok=True)
    home = parent / kind
    python = home / "bin" / "python"
    stamp = home / ".requirements"
    requirements = REQUIREMENTS[kind]
    # The python's own version and place are part of the key: a venv outlives neither.
    key = hashlib.sha256(f"{sys.version}\n{home}\n".encode() + requirements.read_bytes())
    if kind == "localstack":
        key.update(BACKPORT.read_bytes())
    key = key.hexdigest()
    # Test binaries start at the same time: the first one installs, the others wait and find it done.
    with locked(parent / f"{kind}.lock"):
        if stamp.is_file() and stamp.read_text() == key and python.exists():
            return python
        say(f"installing {kind} into {show(home)} (once; takes up to a minute)")
        started = time.monotonic()
        shutil.rmtree(home, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", str(home)], check=True, stdout=sys.stderr)
        subprocess.run(
            [
                str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
                "--no-input", "--no-deps", "-r", str(requirements),
            ],
            check=True,
            stdout=sys.stderr,
        )  # fmt: skip
        if kind == "localstack":
            packages = next((home / "lib").glob("python*/site-packages/localstack"))
            subprocess.run([str(python), str(BACKPORT), str(packages)], check=True, stdout=sys.stderr)
        stamp.write_text(key)
        say(f"{kind} is ready after {time.monotonic() - started:.0f} s")
    return python


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    with path.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another process to finish installing")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def show(path: Path) -> str:
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)


# --- servers ---------------------------------------------------------------------------------------


def server_command(arguments: argparse.Namespace) -> list[str]:
    command = [
        str(python_for(arguments.kind)),
        str(HERE / "server.py"),
        arguments.kind,
        "--port",
        str(arguments.port),
    ]
    if arguments.seed:
        command += ["--seed", str(Path(arguments.seed).resolve())]
    if arguments.log:
        command += ["--log", str(Path(arguments.log).resolve())]
    if arguments.enforce_iam:
        command.append("--enforce-iam")
    return command


def serve(arguments: argparse.Namespace) -> int:
    command = server_command(arguments)
    if arguments.until_eof:
        command.append("--until-eof")
    # Replaces this process, so that whoever started it holds the server itself by its pid.
    os.execv(command[0], command)


def run(arguments: argparse.Namespace) -> int:
    if not arguments.command:
        sys.exit("local.py run: nothing to run; put a command after `--`")
    server = subprocess.Popen(
        [*server_command(arguments), "--until-eof"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        ready = wait_ready(server)
        environment = os.environ | {"POSTURE_ENDPOINT_URL": ready["endpoint"]}
        return subprocess.run(arguments.command, env=environment).returncode
    except KeyboardInterrupt:
        return 130
    finally:
        end(server)


def wait_ready(server: subprocess.Popen[str]) -> dict[str, str]:
    assert server.stdout is not None
    line = server.stdout.readline()
    if not line:
        sys.exit(f"local.py: the server ended with status {server.wait()} before it was ready")
    return json.loads(line)


def end(server: subprocess.Popen[str]) -> None:
    server.terminate()
    try:
        server.wait(timeout=15)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def start(arguments: argparse.Namespace) -> int:
    state = state_file(arguments)
    if running := read_running(state):
        say(f"{arguments.kind} already runs at {running['endpoint']} (pid {running['pid']})")
        print(json.dumps(running))
        return 0
    log = state.with_suffix(".log")
    command = server_command(arguments)
    if not arguments.log:
        command += ["--log", str(log)]
    if arguments.parent:
        command += ["--parent", str(arguments.parent)]
    server = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    ready = wait_ready(server)
    partial = state.with_suffix(".partial")
    partial.write_text(json.dumps(ready))
    partial.replace(state)
    print(json.dumps(ready))
    return 0


def status(arguments: argparse.Namespace) -> int:
    running = read_running(state_file(arguments))
    print(json.dumps(running) if running else f"{arguments.kind} is not running")
    return 0 if running else 1


def stop(arguments: argparse.Namespace) -> int:
    state = state_file(arguments)
    running = read_running(state)
    if running:
        pid = running["pid"]
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + 15
        while is_server(pid):
            if time.monotonic() > deadline:
                os.kill(pid, signal.SIGKILL)
                break
            time.sleep(0.05)
        say(f"{arguments.kind} stopped")
    state.unlink(missing_ok=True)
    return 0


def state_file(arguments: argparse.Namespace) -> Path:
    directory = Path(arguments.run_dir)
    directory.mkdir(parents=True, exist_ok=True)
    return directory / f"{arguments.kind}.json"


def read_running(state: Path) -> dict | None:
    try:
        ready = json.loads(state.read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return None
    return ready if is_server(ready["pid"]) else None


def is_server(pid: int) -> bool:
    """Whether `pid` is alive and ours: a pid that the system has given to another process is not."""
    if Path("/proc/self/cmdline").exists():
        try:
            # Empty for a zombie.
            command = Path(f"/proc/{pid}/cmdline").read_text()
        except OSError:
            return False
    else:
        ps = ["ps", "-ww", "-o", "args=", "-p", str(pid)]
        command = subprocess.run(ps, capture_output=True, text=True).stdout
    return str(HERE / "server.py") in command


# --- command line ----------------------------------------------------------------------------------


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, action, help: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=help)
        sub.set_defaults(action=action)
        sub.add_argument("kind", choices=KINDS)
        return sub

    def venv(arguments: argparse.Namespace) -> int:
        print(ensure_venv(arguments.kind))
        return 0

    add("venv", venv, "make or update a virtual environment; prints its python")
    servers = {
        "serve": add("serve", serve, "run a server in the foreground"),
        "run": add("run", run, "run a command with a server up"),
        "start": add("start", start, "run a server in the background"),
    }
    for sub in servers.values():
        sub.add_argument("--port", type=int, default=0, help="default: a free one")
        sub.add_argument(
            "--seed", metavar="FILE", help="plant the organization first; FILE gets what was planted, as JSON"
        )  # fmt: skip
        sub.add_argument("--log", metavar="FILE", help="where the server's own log goes (default: nowhere)")
        sub.add_argument(
            "--enforce-iam",
            action="store_true",
            help="moto: from then on (after the seed) requests need real credentials and permissions",
        )
    servers["serve"].add_argument(
        "--until-eof",
        action="store_true",
        help="end when standard input closes, so that the server dies with the process that started it",
    )
    servers["start"].add_argument("--parent", type=int, help="end when this process has ended")
    add("status", status, "print what `start` started")
    add("stop", stop, "stop what `start` started")
    for name in ("start", "status", "stop"):
        commands.choices[name].add_argument("--run-dir", default=RUN_DIR, help=f"default: {show(RUN_DIR)}")

    # argparse cannot tell our options from those of the command that `run` runs.
    words = sys.argv[1:]
    split = words.index("--") if "--" in words else len(words)
    arguments = parser.parse_args(words[:split])
    arguments.command = words[split + 1 :]
    return arguments.action(arguments)


if __name__ == "__main__":
    sys.exit(main())
