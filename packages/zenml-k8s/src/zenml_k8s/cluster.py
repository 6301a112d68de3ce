"""Cluster: calls of a cluster's API, each tried again where that helps."""

from __future__ import annotations

import functools
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from zenml.artifacts.retrying import retried
from zenml.errors import ConfigError
from zenml_k8s.trouble import RefusedError, passes, refused, unreachable

if TYPE_CHECKING:
    from kubernetes.client import ApiClient

Body = dict[str, Any]

SECONDS = (5.0, 30.0)
"""How long to wait for a connection, and for an answer."""

SILENCE = 120.0
"""Seconds without a new line after which a followed log is asked for anew: its connection may be dead."""

_TRIES = 6
_LONGEST_WAIT = 60.0
_IN_CLUSTER = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
_PATHS = {"jobs": "/apis/batch/v1"}


class Cluster:
    """One namespace of one cluster.

    Args:
        client: of the cluster.
        namespace: where everything is.
        sleep: waits so many seconds before a call is tried again.
    """

    def __init__(self, client: ApiClient, namespace: str, sleep: Callable[[float], None] = time.sleep) -> None:
        self._client, self.namespace, self._sleep = client, namespace, sleep

    @property
    def address(self) -> str:
        """URL of the API server."""
        return str(self._client.configuration.host)

    def create(self, resource: str, body: Mapping[str, Any]) -> Body | None:
        """Make an object; return it, or None where there is one of that name, perhaps from a try that was cut off."""
        query = {"fieldValidation": "Strict", "fieldManager": "zenml"}
        try:
            return self._call("POST", self._path(resource), query, body)
        except RefusedError as error:
            if error.code != 409:
                raise
            return None

    def get(self, resource: str, name: str) -> Body | None:
        """Return an object, or None."""
        return self._found("GET", self._path(resource, name))

    def list(self, resource: str, labels: str = "", fields: str = "") -> list[Body]:
        """Return the objects that selectors choose."""
        query = {"limit": "500", "labelSelector": labels, "fieldSelector": fields}
        rows: list[Body] = []
        while True:
            page = self._call("GET", self._path(resource), query)
            rows += page.get("items") or []
            more = page.get("metadata", {}).get("continue")
            if not more:
                return rows
            query["continue"] = more

    def merge(self, resource: str, name: str, patch: Mapping[str, Any]) -> Body | None:
        """Change an object by a merge patch; return it, or None where there is none."""
        query = {"fieldValidation": "Strict", "fieldManager": "zenml"}
        return self._found("PATCH", self._path(resource, name), query, patch)

    def delete(self, resource: str, name: str, policy: str = "Background") -> None:
        """Delete an object, and what it owns, in the background or first; no error where there is none."""
        self._found("DELETE", self._path(resource, name), {}, {"propagationPolicy": policy})

    def find_namespace(self) -> Body | None:
        """Return the namespace, or None."""
        return self._found("GET", f"/api/v1/namespaces/{self.namespace}")

    def may(self, verb: str, resource: str, subresource: str = "") -> bool:
        """Ask whether one may do something in the namespace."""
        group = "batch" if resource == "jobs" else ""
        wanted = {"namespace": self.namespace, "verb": verb, "resource": resource, "group": group}
        wanted |= {"subresource": subresource} if subresource else {}
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": wanted},
        }
        answer = self._call("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", {}, review)
        return bool(answer["status"]["allowed"])

    def log(self, pod: str, container: str, since: str, *, follow: bool) -> Iterator[bytes]:
        """Give the lines of a pod's log, each after its time, as they come.

        Raises:
            UnreachableError: the connection broke.
        """
        from urllib3.exceptions import HTTPError

        query = {"container": container, "timestamps": "true", "follow": str(follow).lower()}
        query |= {"sinceTime": since} if since else {}
        response = self._again(lambda: self._send("GET", f"{self._path('pods', pod)}/log", query, patient=True))
        try:
            rest = b""
            for chunk in response.stream(2**16, decode_content=True):
                *lines, rest = (rest + chunk).split(b"\n")
                yield from lines
            if rest:
                yield rest
        except (HTTPError, OSError) as error:
            raise unreachable(error, self.address) from None
        finally:
            response.release_conn()

    def _path(self, resource: str, name: str = "") -> str:
        path = f"{_PATHS.get(resource, '/api/v1')}/namespaces/{self.namespace}/{resource}"
        return f"{path}/{name}" if name else path

    def _found(self, method: str, path: str, query: Mapping[str, str] | None = None, body: Any = None) -> Body | None:
        try:
            return self._call(method, path, query or {}, body)
        except RefusedError as error:
            if error.code != 404:
                raise
            return None

    def _call(self, method: str, path: str, query: Mapping[str, str], body: Any = None) -> Body:
        answer: Body = json.loads(self._again(lambda: self._send(method, path, query, body)).data)
        return answer

    def _again(self, send: Callable[[], Any]) -> Any:
        """Send until it succeeds, or fails for good; wait for as long as the cluster asks to."""
        asked = 0.0

        def is_transient(error: BaseException) -> bool:
            nonlocal asked
            asked = getattr(error, "retry_after", 0.0)
            return passes(error)

        return retried(send, is_transient, _TRIES, lambda pause: self._sleep(max(pause, min(asked, _LONGEST_WAIT))))

    def _send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        body: Any = None,
        *,
        patient: bool = False,
    ) -> Any:
        """Send over the client's own connections: its proxies and certificates hold, and every release of it has them.

        Its ways of making a call differ between releases.
        """
        from urllib3 import Timeout
        from urllib3.exceptions import HTTPError

        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        headers = {"Accept": "*/*", "Content-Type": kind, "User-Agent": self._client.user_agent}
        for setting in self._client.configuration.auth_settings().values():  # a token that has expired is made anew
            if setting["value"]:
                headers[setting["key"]] = setting["value"]
        fields = urlencode({name: value for name, value in query.items() if value})
        try:
            response = self._client.rest_client.pool_manager.request(
                method,
                f"{self.address}{path}?{fields}" if fields else f"{self.address}{path}",
                body=None if body is None else json.dumps(body),
                headers=headers,
                preload_content=not patient,
                timeout=Timeout(connect=SECONDS[0], read=SILENCE if patient else SECONDS[1]),
                retries=False,
            )
            if response.status >= 300:
                raise refused(response.status, response.reason or "", response.data, response.headers, self.address)
        except (HTTPError, OSError) as error:
            raise unreachable(error, self.address) from error
        return response


def connect(path: str | None, context: str | None, namespace: str | None) -> Cluster:
    """Return the namespace of a cluster, as a kubeconfig or the pod that this process runs in says.

    Args:
        path: the kubeconfig; by default what `KUBECONFIG` names, or `~/.kube/config`.
        context: of the kubeconfig; by default its current one.
        namespace: by default the context's.

    Raises:
        ConfigError: there is no kubeconfig, or it cannot be used.
    """
    files = [Path(path).expanduser()] if path else _usual_files()
    if not files and not path and os.environ.get("KUBERNETES_SERVICE_HOST") and not context:
        client, usual = _in_cluster()
        return Cluster(client, namespace or usual)
    if not files or not any(file.is_file() for file in files):
        where = ", ".join(str(file) for file in files) or "~/.kube/config"
        mend = "Give kubernetes_config_path=…, or set KUBECONFIG"
        raise ConfigError("there is no kubeconfig, which says how to reach the cluster", where, mend)
    found = os.pathsep.join(str(file) for file in files)
    client, usual = _from_files(found, context, tuple(file.stat().st_mtime_ns for file in files if file.is_file()))
    return Cluster(client, namespace or usual)


def _usual_files() -> list[Path]:
    named = [Path(part).expanduser() for part in os.environ.get("KUBECONFIG", "").split(os.pathsep) if part]
    usual = Path.home() / ".kube" / "config"
    return named or ([usual] if usual.is_file() else [])


@functools.lru_cache(maxsize=8)
def _from_files(files: str, context: str | None, _changed: tuple[int, ...]) -> tuple[ApiClient, str]:
    from kubernetes import config

    try:
        configuration = _configuration()
        config.load_kube_config(files, context, client_configuration=configuration, persist_config=False)
        contexts, current = config.list_kube_config_contexts(files)
    except Exception as error:  # a file that is no YAML, a program for credentials that fails, …
        mend = "Check the file, and the context: kubectl config get-contexts"
        raise ConfigError(f"the kubeconfig cannot be used: {error}", files, mend) from error
    chosen = next((each for each in contexts if each["name"] == context), current)
    return _client(configuration), chosen["context"].get("namespace") or "default"


@functools.cache
def _in_cluster() -> tuple[ApiClient, str]:
    from kubernetes import config

    configuration = _configuration()
    try:
        config.load_incluster_config(client_configuration=configuration)
    except config.ConfigException as error:
        mend = "Let the pod mount its service account's token, or give kubernetes_config_path=…"
        raise ConfigError(f"this pod cannot reach its cluster: {error}", mend=mend) from error
    return _client(configuration), _IN_CLUSTER.read_text("utf-8").strip()


def _configuration() -> Any:
    from kubernetes.client import Configuration

    configuration = Configuration()
    configuration.retries = False  # calls are tried again here
    return configuration


def _client(configuration: Any) -> ApiClient:
    from kubernetes.client import ApiClient

    return ApiClient(configuration)
