"""What errors of the engine and of its client mean to whoever runs a pipeline, and what to do about them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from zenml.errors import Problem

_PULL = "Check its name, sign in (docker login), or build it: see docker/README.md"
_RESTART = "Start it again: sudo systemctl restart docker"

_SAID = (
    (
        r"pull access denied|repository .*does not exist|denied: ",
        "the image {image} does not exist, or is not yours to pull",
        _PULL,
    ),
    (r"manifest (for .*)?(unknown|not found)", "there is no image {image} in its registry", "Check its tag"),
    (
        r"no matching manifest for (\S+)",
        "the image {image} is not made for this engine's {1}",
        "Build it for that platform",
    ),
    (
        r"unauthorized|authentication required|no basic auth",
        "the registry of {image} wants to know you",
        "Run: docker login",
    ),
    (r"toomanyrequests|rate limit", "the registry allows no more pulls for now", "Sign in (docker login), or wait"),
    (r"no such image", "the engine has no image {image}", "Pull or build it, or set pull_policy='missing'"),
    (r"no space left on device", "the engine's disk is full", "Free some of it: docker system prune"),
    (
        r"bind source path does not exist: (\S+)",
        "the engine finds no {1} to mount",
        "Make it, or take it out of mounts=",
    ),
    (
        r"could not select device driver",
        "the engine cannot give GPUs to containers",
        "Install the NVIDIA Container Toolkit",
    ),
    (
        r"(?:range of cpus is|only \d+ cpus? available).*?(\d+) cpus?",
        "the engine has {1} CPUs",
        "Ask for no more in cpus=",
    ),
    (r"minimum memory limit allowed is (\w+)", "a container needs at least {1}", "Raise memory="),
    (
        r"network (\S+) not found",
        "the engine has no network {1}",
        "Make it: docker network create {1}; or see: docker network ls",
    ),
    (r"unable to find user (\S+)", "the image knows no user {1}", "Give a number: user='1000:1000'"),
    (
        r'exec: "?(.*?)"?: (?:executable file not found|stat .*no such file|permission denied)',
        "the image {image} has no {1} to run",
        "Use an image with Python and ZenML in it, or name its interpreter: python='python3'",
    ),
    (
        r"read-only file system",
        "a mount cannot be made in the image {image}, whose files are read-only",
        "Mount it elsewhere",
    ),
    (r"mounts? denied", "Docker Desktop shares no such folder", "Allow it: Settings, Resources, File sharing"),
    (
        r"x509|certificate",
        "the registry of {image} has no certificate that the engine trusts",
        "Give the engine its CA",
    ),
    (
        r"no such host|dial tcp|i/o timeout|connection (refused|reset)|proxyconnect|tls handshake|client\.timeout|eof$",
        "the engine cannot reach the registry of {image}",
        "Check the engine's network and proxy, or pull the image elsewhere and load it: docker load",
    ),
)


def problem_of(error: BaseException, address: str, image: str = "") -> Problem:
    """Return the problem that an error of the client, or one that it stands for, tells of."""
    for cause in causes(error):
        status = getattr(cause, "status_code", None)
        said = str(getattr(cause, "explanation", None) or "")
        if status is not None:
            return said_problem(said or str(cause), address, image)
        found = _unreachable(cause, address)
        if found:
            return found
    return Problem(f"the Docker engine cannot be asked: {_short(str(error))}", address, "See: docker info")


def said_problem(said: str, address: str, image: str = "") -> Problem:
    """Return the problem that the words of the engine tell of."""
    for pattern, what, mend in _SAID:
        found = re.search(pattern, said, re.IGNORECASE | re.MULTILINE)
        if found:
            words = {"image": image or "it"}
            return Problem(_fill(what, words, found), address, _fill(mend, words, found))
    return Problem(f"the Docker engine said: {_short(said)}", address)


def _unreachable(cause: BaseException, address: str) -> Problem | None:
    names = {kind.__name__ for kind in type(cause).__mro__}
    if isinstance(cause, FileNotFoundError | ConnectionRefusedError):
        what = "no Docker engine is running there"
        return Problem(what, address, "Start it (sudo systemctl start docker), or name another: engine=…, DOCKER_HOST")
    if isinstance(cause, PermissionError):
        mend = "Join its group (sudo usermod -aG docker $USER, then log in again), or run the engine rootless"
        return Problem("you may not use this Docker engine", address, mend)
    if isinstance(cause, TimeoutError) or names & {"ReadTimeout", "ConnectTimeout", "ReadTimeoutError"}:
        return Problem("the Docker engine does not answer", address, _RESTART)
    if isinstance(cause, ConnectionError) or names & {"ProtocolError", "RemoteDisconnected", "ChunkedEncodingError"}:
        return Problem("the Docker engine broke the connection off", address, _RESTART)
    if names & {"NameResolutionError", "gaierror"}:
        return Problem("there is no machine of that name", address, "Check engine=… or DOCKER_HOST")
    if names & {"TLSParameterError", "SSLError"}:
        return Problem("the connection to the Docker engine is not secure", address, "Check DOCKER_CERT_PATH")
    if "paramiko" in str(cause).lower():
        return Problem("an engine behind ssh:// needs paramiko", address, "Run: pip install 'docker[ssh]'")
    return None


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """Give those behind an error, which a client wraps in its own, and the error itself last."""
    found: list[BaseException] = []
    waiting = [error]
    while waiting:
        cause = waiting.pop()
        if cause is None or cause in found:
            continue
        found.append(cause)
        waiting += [cause.__context__, cause.__cause__, getattr(cause, "reason", None)]
        waiting += [item for item in cause.args if isinstance(item, BaseException)]
    yield from (cause for cause in reversed(found) if isinstance(cause, BaseException))


def _fill(text: str, words: dict[str, str], found: re.Match[str]) -> str:
    groups = {str(number): (group or "").rstrip(".,:") for number, group in enumerate(found.groups(), 1)}
    return re.sub(r"\{(\w+)\}", lambda name: {**words, **groups}.get(name[1], ""), text)


def _short(text: str) -> str:
    return " ".join(text.split())[:400] or "nothing"
