"""A container: a fresh process with exactly the environment, the folders and the end that its pod gives it."""

from __future__ import annotations

import base64
import contextlib
import functools
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kube_double.objects import Body, Objects

_REFERENCE = re.compile(r"\$\$|\$\(([-._a-zA-Z][-._a-zA-Z0-9]*)\)")

_READ_ONLY = """
mount --make-rprivate / || exit 125
while [ "$1" != -- ]; do mount --bind "$1" "$1" || exit 125; shift; done
shift
mount -o remount,bind,ro / && cd "$(pwd)" && exec env -u PWD -u OLDPWD -u _ -- "$@"
"""
"""Program of a shell in a mount namespace of its own: the root file system is read-only but for the folders named."""


@functools.cache
def keeps_root_read_only() -> bool:
    """Tell whether this machine lets a container's root file system be read-only: as root on Linux it mostly does."""
    try:
        command = ["unshare", "-m", "sh", "-c", _READ_ONLY, "sh", "--", "sh", "-c", "! touch /.tried 2>/dev/null"]
        return subprocess.run(command, capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


class Misconfigured(Exception):  # noqa: N818 - it is an outcome
    """The kubelet cannot make the container, and says why."""


def environment_of(objects: Objects, pod: Body, spec: Body) -> dict[str, str]:
    """Return a container's variables, with what its pod takes from Secrets and ConfigMaps."""
    namespace = pod["metadata"]["namespace"]
    found = {"HOSTNAME": pod["metadata"]["name"]}
    for source in spec.get("envFrom") or ():
        kind = "secrets" if "secretRef" in source else "configmaps"
        named = source.get("secretRef") or source["configMapRef"]
        for key, value in _contents(objects, kind, namespace, named).items():
            found[source.get("prefix", "") + key] = value
    for variable in spec.get("env") or ():
        taken = variable.get("valueFrom")
        if not taken:
            found[variable["name"]] = expand(variable.get("value", ""), found)
        elif "fieldRef" in taken:
            place: Any = pod
            for part in taken["fieldRef"]["fieldPath"].split("."):
                place = place[part]
            found[variable["name"]] = str(place)
        else:
            kind = "secrets" if "secretKeyRef" in taken else "configmaps"
            named = taken.get("secretKeyRef") or taken["configMapKeyRef"]
            contents = _contents(objects, kind, namespace, named)
            if named["key"] in contents:
                found[variable["name"]] = contents[named["key"]]
            elif not named.get("optional"):
                title = "Secret" if kind == "secrets" else "ConfigMap"
                raise Misconfigured(f"couldn't find key {named['key']} in {title} {namespace}/{named['name']}")
    return found


def _contents(objects: Objects, kind: str, namespace: str, named: Body) -> dict[str, str]:
    body = objects.find(kind, namespace, named["name"])
    if body is None:
        if named.get("optional"):
            return {}
        raise Misconfigured(f'{kind.removesuffix("s")} "{named["name"]}" not found')
    data = body.get("data") or {}
    return {key: base64.b64decode(value).decode() for key, value in data.items()} if kind == "secrets" else data


def expand(text: str, variables: dict[str, str]) -> str:
    """Replace `$(NAME)` by the variable, where there is one, and `$$` by `$`."""
    return _REFERENCE.sub(lambda found: "$" if found[0] == "$$" else variables.get(found[1], found[0]), text)


class Container:
    """A running container, or one that has ended.

    Args:
        process: its first process.
        grace: seconds that it was given to end, once it was told to.
    """

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.lines: list[tuple[str, bytes]] = []
        self.out_of_memory = False
        self.stopping = False
        self._grace = 0.0
        self._kill_at: float | None = None
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @classmethod
    def start(cls, spec: Body, variables: dict[str, str], volumes: list[Body], folder: Path) -> Container:
        """Start a container's command; `python` is this interpreter, and an `emptyDir` is a folder below `folder`."""
        folders: dict[str, Path] = {}
        for volume in volumes:
            if "emptyDir" in volume:
                (folder / volume["name"]).mkdir(parents=True, exist_ok=True)
                folders[volume["name"]] = folder / volume["name"]
        places = {
            mount["mountPath"]: str(folders[mount["name"]])
            for mount in spec.get("volumeMounts") or ()
            if mount["name"] in folders
        }
        command = [expand(word, variables) for word in [*(spec.get("command") or ()), *(spec.get("args") or ())]]
        if command[0] == "python":
            command[0] = sys.executable
        path = f"{Path(sys.executable).parent}{os.pathsep}/usr/local/bin:/usr/bin:/bin"
        placed = {name: _placed(value, places) for name, value in variables.items()}
        root = folder / "root"
        root.mkdir(parents=True, exist_ok=True)
        read_only = (spec.get("securityContext") or {}).get("readOnlyRootFilesystem")
        root.chmod(0o555 if read_only else 0o755)
        if read_only and keeps_root_read_only():
            claims = {volume["name"] for volume in volumes if "persistentVolumeClaim" in volume}
            mounted = [mount["mountPath"] for mount in spec.get("volumeMounts") or () if mount["name"] in claims]
            writable = [*map(str, folders.values()), *(path for path in mounted if Path(path).is_dir())]
            command = ["unshare", "-m", "sh", "-c", _READ_ONLY, "sh", *writable, "--", *command]
        try:
            process = subprocess.Popen(
                command,
                env={"PATH": path, **placed},
                cwd=_placed(spec.get("workingDir", ""), places) or root,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            raise Misconfigured(f"failed to create containerd task: exec: {command[0]!r}: {error.strerror}") from None
        return cls(process)

    def terminate(self, grace: float) -> None:
        """Ask the first process to end, and let it no more than so many seconds."""
        self.stopping, self._grace = True, grace
        if grace:
            self.process.terminate()
        else:
            self.kill()

    def kill(self, *, out_of_memory: bool = False) -> None:
        """Kill all of its processes at once."""
        self.out_of_memory |= out_of_memory
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def stop(self) -> None:
        """Kill all of its processes, and wait for their end."""
        self.kill()
        self.process.wait()
        self._reader.join()

    def poll(self, clock: Callable[[], float]) -> int | None:
        """Return the exit code as a container has it, once it has ended."""
        if self.stopping:
            self._kill_at = self._kill_at or clock() + self._grace
            if clock() > self._kill_at:
                self.kill()
        code = self.process.poll()
        if code is None:
            return None
        self.kill()  # with its first process, a container's others end too
        self._reader.join()
        return 128 - code if code < 0 else code

    def _read(self) -> None:
        with self.process.stdout or contextlib.nullcontext() as pipe:
            for line in pipe or ():
                moment = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "000Z"
                self.lines.append((moment, line))


def _placed(text: str, places: dict[str, str]) -> str:
    """Return a path below a mount as it is on this machine; any other text is returned as it is."""
    for mounted in sorted(places, key=len, reverse=True):
        if text == mounted or text.startswith(f"{mounted}/"):
            return places[mounted] + text.removeprefix(mounted)
    return text
