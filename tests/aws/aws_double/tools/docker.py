"""Stands for `docker` on a machine: a container is a fresh process with its own folder, home and environment."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

MACHINE = Path(os.environ["DOUBLE_MACHINE"])
STATE = MACHINE / "docker"
WITH_VALUE = (
    *("--network", "--entrypoint", "--name", "--stop-timeout", "--log-driver", "--ipc", "--gpus", "--mount", "--env"),
)


def fail(text: str, code: int = 1) -> None:
    print(text, file=sys.stderr)
    sys.exit(code)


def told() -> dict:
    return json.loads((MACHINE / "told.json").read_text())


def pull(image: str) -> None:
    refusal = told()["bad_images"].get(image)
    if refusal:
        fail(f"Error response from daemon: {refusal}")
    host = image.partition("/")[0]
    if ".dkr.ecr." in host and not (STATE / f"login-{host}").exists():
        fail("Error response from daemon: no basic auth credentials")
    (STATE / "images").mkdir(parents=True, exist_ok=True)
    (STATE / "images" / image.replace("/", "_")).touch()


def run(arguments: list[str]) -> None:
    options: dict[str, list[str]] = {}
    while arguments and arguments[0].startswith("-"):
        flag = arguments.pop(0)
        if flag in WITH_VALUE:
            options.setdefault(flag, []).append(arguments.pop(0))
        elif flag in ("--detach", "--rm", "--init"):
            options[flag] = []
        else:
            fail(f"unknown flag: {flag}", 125)
    image, *command = arguments
    if not (STATE / "images" / image.replace("/", "_")).exists():
        pull(image)
    command = [*options.get("--entrypoint", []), *command]
    name = options.get("--name", [f"unnamed-{os.getpid()}"])[0]
    folder = STATE / "containers" / name
    if folder.exists():
        fail(f'Conflict. The container name "/{name}" is already in use', 125)
    (folder / "work").mkdir(parents=True)
    (folder / "home").mkdir()
    python = sys.executable
    environment = {"PATH": f"{Path(python).parent}:/usr/bin:/bin", "HOME": str(folder / "home"), "HOSTNAME": name}
    for row in options.get("--env", []):
        key, _, value = row.partition("=")
        environment[key] = value
    for row in options.get("--mount", []):
        mount = dict(part.partition("=")[::2] for part in row.split(","))
        if mount.get("type") != "bind" or not Path(mount["source"]).exists():
            fail(f"invalid mount config: {row}", 125)
        placed = {key: mount["source"] for key, value in environment.items() if value == mount["target"]}
        environment |= placed
    if told()["hops"] > 1:  # the link-local address, which a container reaches over one more hop
        environment["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = os.environ["AWS_EC2_METADATA_SERVICE_ENDPOINT"]
    environment["DOUBLE_MACHINE"] = str(MACHINE)
    if command[0] == "python":
        command[0] = python
    if shutil.which(command[0], path=environment["PATH"]) is None:
        fail(f'exec: "{command[0]}": executable file not found in $PATH', 127)
    (folder / "config.json").write_text(json.dumps({"command": command, "environment": environment}))
    if "--detach" not in options:
        done = subprocess.run(command, env=environment, cwd=folder / "work", check=False)
        if "--rm" in options:
            shutil.rmtree(folder)
        sys.exit(done.returncode)
    shim = subprocess.Popen(
        [python, "-IS", __file__, "--shim", name],
        start_new_session=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while not (folder / "pid").exists() and shim.poll() is None:
        time.sleep(0.01)
    print(name)


def shim(name: str) -> None:
    folder = STATE / "containers" / name
    config = json.loads((folder / "config.json").read_text())
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            config["command"],
            env=config["environment"],
            cwd=folder / "work",
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        (folder / "pid.part").write_text(str(process.pid))
        (folder / "pid.part").rename(folder / "pid")
        code = process.wait()
    if folder.exists():
        (folder / "code.part").write_text(str(128 - code if code < 0 else code))
        (folder / "code.part").rename(folder / "code")


def found(name: str) -> Path:
    folder = STATE / "containers" / name
    if not folder.exists():
        fail(f"Error response from daemon: No such container: {name}")
    return folder


def ended(folder: Path, seconds: float = 1e9) -> bool:
    until = time.monotonic() + seconds
    while not (folder / "code").exists():
        if not folder.exists() or time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


def signaled(folder: Path, number: int, *, group: bool = False) -> None:
    try:
        pid = int((folder / "pid").read_text())
        (os.killpg if group else os.kill)(pid, number)
    except (FileNotFoundError, ProcessLookupError):
        return


def main() -> None:
    verb, *rest = sys.argv[1:]
    with (MACHINE / "calls").open("a") as calls:
        print("docker", verb, *rest, file=calls)
    if verb == "--shim":
        shim(rest[0])
    elif verb == "info":
        if not (MACHINE / "docker-runs").exists():
            fail("Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?")
    elif verb == "login":
        if rest[:3] != ["--username", "AWS", "--password-stdin"] or sys.stdin.read().strip() != "ecr-password":
            fail("Error response from daemon: login attempt failed with status: 400 Bad Request")
        Path(os.environ["DOCKER_CONFIG"]).mkdir(parents=True, exist_ok=True)
        STATE.mkdir(exist_ok=True)
        (STATE / f"login-{rest[3]}").touch()
    elif verb == "pull":
        pull(rest[-1])
    elif verb == "run":
        run(rest)
    elif verb == "wait":
        folder = found(rest[0])
        if not ended(folder):
            sys.exit(1)
        print((folder / "code").read_text())
    elif verb == "stop":
        folder = found(rest[2])
        signaled(folder, signal.SIGTERM)
        if not ended(folder, float(rest[1])):
            signaled(folder, signal.SIGKILL, group=True)
            ended(folder)
        print(rest[2])
    elif verb == "rm":
        folder = found(rest[1])
        signaled(folder, signal.SIGKILL, group=True)
        shutil.rmtree(folder, ignore_errors=True)
    elif verb == "logs":
        lines = (found(rest[2]) / "log").read_bytes().splitlines(keepends=True)
        sys.stdout.buffer.writelines(lines[-int(rest[1]) :])
    elif verb == "inspect":
        print("true" if (found(rest[2]) / "out-of-memory").exists() else "false")
    else:
        fail(f"docker: '{verb}' is not a docker command.")


main()
