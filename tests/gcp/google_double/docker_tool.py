"""The `docker` command of a machine: each container is a fresh process with its own folders and environment.

It is run as `docker_tool.py FOLDER COMMAND …` by a bare interpreter, so it imports nothing of the tests.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

FOLDER = Path(sys.argv[1])
CONTAINERS = FOLDER / "docker"
TOLD = json.loads((FOLDER / "docker.json").read_text())
PROXY = "cloud-sql-proxy"
SLOWER = 4  # so many times may the machine of the tests be slower than one of Google's
FLAGS = {"--read-only", "--detach"}
OPTIONS = {
    "--name",
    "--network",
    "--ipc",
    "--user",
    "--mount",
    "--volume",
    "--device",
    "--workdir",
    "--cap-drop",
    "--security-opt",
    "--label",
    "--env",
    "--entrypoint",
}


def fail(message: str, code: int = 125) -> int:
    """Print an error as Docker does."""
    print(f"docker: {message}", file=sys.stderr)
    return code


def pull(words: list[str]) -> int:
    """Pull an image."""
    image = words[-1]
    if image in TOLD["pull_errors"]:
        return fail(f"Error response from daemon: {TOLD['pull_errors'][image]}", 1)
    print(image)
    return 0


def run(words: list[str]) -> int:
    """Run a container, in the foreground or not."""
    given: dict[str, list[str]] = {}
    detached = False
    while words and words[0].startswith("--"):
        word, _, value = words.pop(0).partition("=")
        if word in FLAGS:
            detached |= word == "--detach"
            continue
        if word not in OPTIONS:
            return fail(f"unknown flag: {word}")
        given.setdefault(word, []).append(value or words.pop(0))
    image, *arguments = words
    name = given["--name"][0]
    home = CONTAINERS / name
    if home.exists():
        return fail(f'Conflict. The container name "/{name}" is already in use.')
    if given.get("--network") != ["host"]:
        return fail("the double knows the host's network only")
    folders = {}
    scratch = home / "scratch"
    for mount in given.get("--mount", []):
        parts = dict(part.partition("=")[::2] for part in mount.split(","))
        if parts["type"] == "volume":
            folders[parts["target"]] = str(scratch)
        elif not Path(parts["source"]).exists():
            return fail(f"invalid mount config: bind source path does not exist: {parts['source']}")
    scratch.mkdir(parents=True)
    environment = dict(pair.split("=", 1) for pair in given.get("--env", []))
    environment = {key: folders.get(value, value) for key, value in environment.items()}
    shared = ("GCE_METADATA_HOST", "GCE_METADATA_ROOT", "GCE_METADATA_IP")  # the network is the machine's
    environment |= {**TOLD["image_variables"], **{key: os.environ[key] for key in shared}}
    environment["PATH"] = os.pathsep.join([str(Path(TOLD["python"]).parent), "/usr/bin", "/bin"])
    (home / "body.json").write_text(json.dumps({"image": image, "options": given, "arguments": arguments}))
    if PROXY in image:
        command = [TOLD["python"], "-I", "-S", __file__, str(FOLDER), "serve-proxy", *arguments]
    else:
        entry = given.get("--entrypoint", ["python"])[0]
        command = [TOLD["python"] if entry == "python" else entry, *arguments]
    if detached:
        again = [TOLD["python"], "-I", "-S", __file__, str(FOLDER), "supervise", name, json.dumps(environment)]
        subprocess.Popen([*again, *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while not (home / "pid").exists():
            time.sleep(0.01)
        print("0123456789ab")
        return 0
    return supervise(name, environment, command, folders.get(given.get("--workdir", [""])[0]))


def supervise(name: str, environment: dict[str, str], command: list[str], folder: str | None = None) -> int:
    """Run a container's command to its end, and keep what it prints."""
    home = CONTAINERS / name
    log = CONTAINERS / "logs" / f"{name}.log"
    log.parent.mkdir(exist_ok=True)
    (home / "log-start").write_text(str(log.stat().st_size if log.exists() else 0))
    try:
        process = subprocess.Popen(
            command,
            env=environment,
            cwd=folder or home / "scratch",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        return fail(f'exec: "{command[0]}": {error.strerror}', 127)
    (home / "pid").write_text(str(process.pid))
    signal.signal(signal.SIGTERM, lambda *_: process.send_signal(signal.SIGTERM))
    assert process.stdout is not None
    with log.open("ab") as file:
        for line in process.stdout:
            file.write(line)
            file.flush()
            sys.stdout.buffer.write(line)
            sys.stdout.buffer.flush()
    code = process.wait()
    code = code if code >= 0 else 128 - code
    (home / "code").write_text(str(code))
    return code


def stop(words: list[str]) -> int:
    """Tell a container to end, and kill it when it takes too long."""
    home, seconds = CONTAINERS / words[-1], float(words[1])
    if not (home / "pid").exists():
        return fail(f"No such container: {words[-1]}", 1)
    pid = int((home / "pid").read_text())
    try:
        os.kill(pid, signal.SIGTERM)
        until = time.monotonic() + SLOWER * seconds
        while not (home / "code").exists():
            if time.monotonic() > until:
                os.killpg(pid, signal.SIGKILL)
                break
            time.sleep(0.02)
    except ProcessLookupError:
        pass
    return 0


def remove(words: list[str]) -> int:
    """Remove a container, and end it before."""
    home = CONTAINERS / words[-1]
    if not home.exists():
        return fail(f"No such container: {words[-1]}", 1)
    if (home / "pid").exists() and not (home / "code").exists():
        with contextlib.suppress(ProcessLookupError):
            os.killpg(int((home / "pid").read_text()), signal.SIGKILL)
    shutil.rmtree(home)
    return 0


def inspect(words: list[str]) -> int:
    """Tell whether a container runs."""
    home = CONTAINERS / words[-1]
    if not home.exists():
        return fail(f"No such container: {words[-1]}", 1)
    print("false" if (home / "code").exists() else "true")
    return 0


def logs(words: list[str]) -> int:
    """Print the last lines of a container."""
    home, log = CONTAINERS / words[-1], CONTAINERS / "logs" / f"{words[-1]}.log"
    if not home.exists() or not log.exists():
        return fail(f"No such container: {words[-1]}", 1)
    start = int((home / "log-start").read_text())
    lines = log.read_bytes()[start:].decode(errors="replace").splitlines()
    print("\n".join(lines[-int(words[words.index("--tail") + 1]) :]))
    return 0


def serve_proxy(words: list[str]) -> int:
    """Be the Cloud SQL Auth Proxy: lead a port of the machine to a database."""
    connection = words[-1]
    if "--run-connection-test" not in words or words[words.index("--address") + 1] != "127.0.0.1":
        return fail("the double's proxy tests its connection and serves its machine only", 1)
    port = int(words[words.index("--port") + 1])
    if connection not in TOLD["databases"]:
        message = "googleapi: Error 404: The Cloud SQL instance does not exist., instanceDoesNotExist"
        print(f"[{connection}] failed to connect to instance: {message}", file=sys.stderr)
        return 1
    host, real = TOLD["databases"][connection]
    if (host, real) == ("127.0.0.1", port):
        signal.pause()  # whoever asks at that port is there already
    with socket.create_server(("127.0.0.1", port)) as server:
        while True:
            here, _ = server.accept()
            there = socket.create_connection((host, real))
            for source, target in ((here, there), (there, here)):
                threading.Thread(target=relay, args=(source, target), daemon=True).start()


def relay(source: socket.socket, target: socket.socket) -> None:
    """Copy what comes from one connection to another."""
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        target.close()


def main(words: list[str]) -> int:
    """Run a command."""
    command, *rest = words
    if command == "supervise":
        return supervise(rest[0], json.loads(rest[1]), rest[2:])
    known = {"pull": pull, "run": run, "stop": stop, "rm": remove, "inspect": inspect, "logs": logs}
    if command == "serve-proxy":
        return serve_proxy(rest)
    return known[command](rest) if command in known else fail(f"'{command}' is not a docker command.", 1)


if __name__ == "__main__":
    CONTAINERS.mkdir(exist_ok=True)
    raise SystemExit(main(sys.argv[2:]))
