from __future__ import annotations

import hashlib
import json
import os
import socket
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zenml.artifacts.handles import StoredArtifact
from zenml.artifacts.manifest import File, Manifest, content_digest
from zenml.artifacts.store import ArtifactStore
from zenml.artifacts.types import Artifact, Examples, Model
from zenml.errors import ConfigError, StoreError


def change_later(path: Path, data: bytes) -> None:
    """Change a file, as if some time after it was published."""
    path.write_bytes(data)
    now = path.stat().st_mtime_ns
    os.utime(path, ns=(now, now + 10**9))


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(tmp_path / "artifacts")


def published(
    store: ArtifactStore, files: dict[str, bytes], attempt: str = "r1-1", kind: type[Artifact] = Examples, **facts: Any
) -> StoredArtifact:
    new = store.new(kind, "sha256:f00d", attempt)
    for name, data in files.items():
        path = new.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    new.properties.update(facts)
    return store.publish(new)


FILES = {"schema.json": b"{}", "all/shard-00000.arrow": b"a" * 1000, "all/statistics.json": b"{1}", "empty": b""}


def test_what_is_published_can_be_opened(store: ArtifactStore, tmp_path: Path) -> None:
    artifact = published(store, FILES, rows=(1, 2), name="é")
    assert artifact.type == "Examples"
    assert artifact.path == tmp_path / "artifacts/Examples/f00d/r1-1"
    assert artifact.uri == str(artifact.path)
    assert artifact.properties == {"rows": [1, 2], "name": "é"}
    assert store.open(artifact.uri) == artifact
    assert store.exists(artifact.uri)
    store.verify(artifact)


def test_a_folder_without_manifest_is_no_artifact(store: ArtifactStore) -> None:
    new = store.new(Examples, "f00d", "r1-1")
    (new.path / "x").write_bytes(b"x")
    uri = store.uri(new.key)
    assert not store.exists(uri)
    with pytest.raises(StoreError, match="there is no artifact"):
        store.open(uri)
    store.discard(new)
    assert list(Path(store.path).iterdir()) == []
    store.discard(new)


def test_the_digest_covers_content_only_and_the_manifest_covers_all(store: ArtifactStore) -> None:
    first = published(store, {**FILES, "tfrecord/all/shard-00000.tfrecord": b"t"}, "1")
    second = published(store, {**FILES, "all/statistics.json": b"other"}, "2")
    third = published(store, {**FILES, "schema.json": b"[]"}, "3")
    model = published(store, {**FILES, "all/statistics.json": b"other"}, "4", kind=Model)
    assert first.digest == second.digest
    assert len({first.digest, third.digest, model.digest}) == 3
    rows = sorted(
        [name, len(data), hashlib.sha256(data).hexdigest()]
        for name, data in FILES.items()
        if name != "all/statistics.json"
    )
    text = json.dumps(rows, separators=(",", ":")).encode()
    assert first.digest == f"sha256:{hashlib.sha256(text).hexdigest()}"
    listed = json.loads((first.path / "manifest.json").read_bytes())["files"]
    assert [file["name"] for file in listed] == sorted(["tfrecord/all/shard-00000.tfrecord", *FILES])


def test_equal_files_give_equal_manifests_wherever_and_whenever_they_are_made(tmp_path: Path) -> None:
    first = published(ArtifactStore(tmp_path / "one"), FILES, "r1-1", rows=3)
    second = published(ArtifactStore(tmp_path / "two"), dict(reversed(FILES.items())), "r2-7", rows=3)
    assert (first.path / "manifest.json").read_bytes() == (second.path / "manifest.json").read_bytes()


def test_many_files_are_digested_like_few(store: ArtifactStore) -> None:
    files = {f"split/shard-{number:05}.arrow": bytes([number]) * number for number in range(60)}
    artifact = published(store, files)
    digest = content_digest(
        File(name, len(data), hashlib.sha256(data).hexdigest()) for name, data in reversed(files.items())
    )
    assert artifact.digest == digest
    store.verify(artifact)


@pytest.mark.parametrize("change", ["gone", "longer", "extra", "folder"])
def test_a_file_that_differs_in_name_or_size_is_found_when_it_is_opened(store: ArtifactStore, change: str) -> None:
    artifact = published(store, FILES)
    shard = artifact.path / "all/shard-00000.arrow"
    if change == "gone":
        shard.unlink()
    elif change == "longer":
        shard.write_bytes(b"a" * 1001)
    elif change == "extra":
        (artifact.path / "all/extra").write_bytes(b"")
    else:
        shard.unlink()
        shard.mkdir()
    with pytest.raises(StoreError, match="all/"):
        store.open(artifact.uri)


def test_every_file_that_differs_is_told_up_to_a_handful(store: ArtifactStore) -> None:
    artifact = published(store, {f"{number}": b"x" for number in range(9)})
    for number in range(9):
        (artifact.path / str(number)).unlink()
    with pytest.raises(StoreError) as caught:
        store.open(artifact.uri)
    assert len(caught.value.problems) == 6
    assert "4 more files" in str(caught.value)


def test_a_changed_byte_is_found_by_verify(store: ArtifactStore) -> None:
    artifact = published(store, FILES)
    path = artifact.path / "all/shard-00000.arrow"
    before = path.stat().st_mtime_ns
    path.write_bytes(b"b" + b"a" * 999)
    os.utime(path, ns=(before, before))
    assert store.open(artifact.uri) == artifact
    with pytest.raises(StoreError, match=r"shard-00000\.arrow: the file was changed"):
        store.verify(artifact)


def test_what_was_changed_by_hand_is_found_when_it_is_opened(store: ArtifactStore) -> None:
    made = published(store, FILES)
    change_later(made.path / "all/shard-00000.arrow", b"a" * 500 + b"b" + b"a" * 499)
    change_later(made.path / "schema.json", b"{}")
    with pytest.raises(StoreError, match=r"the file was changed\. Delete the artifact and run again") as caught:
        store.open(made.uri)
    assert [problem.where for problem in caught.value.problems] == [f"{made.uri}/all/shard-00000.arrow"]


def test_what_was_copied_with_new_times_is_served(store: ArtifactStore) -> None:
    made = published(store, FILES)
    for name, data in FILES.items():
        change_later(made.path / name, data)
    assert store.open(made.uri) == made


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[:-20],
        lambda text: text.replace('"rows":7', '"rows":8'),
        lambda text: text.replace('"size":1000', '"size":1001'),
        lambda _: "[]",
        lambda _: "{}",
        lambda _: "",
    ],
)
def test_a_manifest_that_was_changed_is_refused(store: ArtifactStore, damage: Any) -> None:
    artifact = published(store, FILES, rows=7)
    manifest = artifact.path / "manifest.json"
    before = manifest.read_text()
    manifest.write_text(damage(before))
    assert manifest.read_text() != before
    with pytest.raises(StoreError, match=r"damaged|Update"):
        store.open(artifact.uri)


def test_a_manifest_of_a_newer_format_is_refused(store: ArtifactStore) -> None:
    artifact = published(store, FILES)
    body = json.loads((artifact.path / "manifest.json").read_text())
    (artifact.path / "manifest.json").write_text(json.dumps({**body, "format": 2}))
    with pytest.raises(StoreError, match="Update zenml-core"):
        store.open(artifact.uri)


def test_links_pipes_and_the_manifests_name_are_refused_all_at_once(store: ArtifactStore, tmp_path: Path) -> None:
    new = store.new(Examples, "f00d", "r1-1")
    (tmp_path / "secret").write_text("s")
    (new.path / "link").symlink_to(tmp_path / "secret")
    (new.path / "folder").symlink_to(tmp_path)
    os.mkfifo(new.path / "pipe")
    (new.path / "manifest.json").write_text("{}")
    with pytest.raises(StoreError) as caught:
        store.publish(new)
    assert len(caught.value.problems) == 4


@pytest.mark.skipif(os.name == "nt", reason="file names are Unicode on Windows")
def test_a_name_that_is_not_unicode_is_refused(store: ArtifactStore) -> None:
    new = store.new(Examples, "f00d", "r1-1")
    Path(os.fsdecode(os.fsencode(new.path) + b"/\xff")).write_bytes(b"")
    with pytest.raises(StoreError, match="not Unicode"):
        store.publish(new)


def test_a_socket_is_refused(store: ArtifactStore, monkeypatch: pytest.MonkeyPatch) -> None:
    new = store.new(Examples, "f", "1")
    monkeypatch.chdir(new.path)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("s")
        with pytest.raises(StoreError, match="plain files only"):
            store.publish(new)


def test_partial_files_of_dead_workers_do_not_become_part_of_it(store: ArtifactStore) -> None:
    new = store.new(Examples, "f00d", "r1-1")
    (new.path / "all").mkdir()
    (new.path / "all/.shard-00000.arrow.4711.partial").write_bytes(b"half")
    (new.path / "all/shard-00000.arrow").write_bytes(b"whole")
    artifact = store.publish(new)
    assert [path.name for path in artifact.path.rglob("*") if path.is_file()] == ["manifest.json", "shard-00000.arrow"]
    assert store.open(artifact.uri) == artifact


def test_properties_must_be_json(store: ArtifactStore) -> None:
    new = store.new(Examples, "f00d", "r1-1")
    new.properties["bad"] = object()
    with pytest.raises(TypeError):
        store.publish(new)
    assert not store.exists(store.uri(new.key))


def test_an_attempt_has_its_folder_for_itself(store: ArtifactStore) -> None:
    store.new(Examples, "f00d", "r1-1")
    with pytest.raises(StoreError, match="File exists"):
        store.new(Examples, "f00d", "r1-1")
    store.new(Examples, "f00d", "r1-2")


@pytest.mark.parametrize("attempt", ["../up", "..", "", "a/../../b", "a\\b", "a\nb"])
def test_a_key_cannot_leave_the_store(store: ArtifactStore, attempt: str) -> None:
    with pytest.raises(StoreError, match="no key"):
        store.new(Examples, "f00d", attempt)
    with pytest.raises(StoreError):
        store.read_bytes(attempt)
    with pytest.raises(StoreError):
        store.open(f"{store.path}/{attempt}")


def test_an_artifact_of_another_store_is_refused(store: ArtifactStore, tmp_path: Path) -> None:
    artifact = published(ArtifactStore(tmp_path / "other"), FILES)
    with pytest.raises(StoreError, match="not in the artifact store"):
        store.open(artifact.uri)


def test_what_is_deleted_is_gone_with_its_empty_folders(store: ArtifactStore) -> None:
    first, second = published(store, FILES, "1"), published(store, FILES, "2")
    store.delete(first.uri)
    assert not store.exists(first.uri)
    assert store.exists(second.uri)
    store.delete(second.uri)
    store.delete(second.uri)
    assert list(Path(store.path).iterdir()) == []


def test_what_a_lost_attempt_left_is_discarded_by_fingerprint(store: ArtifactStore) -> None:
    keep = published(store, FILES, "r2-1")
    store.new(Examples, "f00d", "r1-1")
    store.new(Model, "f00d", "r1-1-model")
    store.new(Model, "f00d", "r1-12")
    store.new(Model, "beef", "r1-1")
    store.discard_attempt("sha256:f00d", "r1-1")
    left = {str(path.relative_to(store.path)) for path in Path(store.path).glob("*/*/*")}
    assert left == {"Examples/f00d/r2-1", "Model/f00d/r1-12", "Model/beef/r1-1"}
    store.verify(keep)
    ArtifactStore(Path(store.path) / "none").discard_attempt("f", "r1-1")


def test_files_of_runs_are_kept_by_key(store: ArtifactStore) -> None:
    assert store.list("runs") == []
    assert not store.has("runs/r1/status.json")
    store.write_bytes("runs/r1/status.json", b"1")
    store.write_bytes("runs/r1/status.json", b"22")
    store.write_bytes("runs/r2/log.txt", b"")
    assert store.read_bytes("runs/r1/status.json") == b"22"
    assert store.has("runs/r1/status.json")
    assert store.list("runs") == ["runs/r1/status.json", "runs/r2/log.txt"]
    assert store.list("runs/r2") == ["runs/r2/log.txt"]
    store.remove("runs/r1")
    assert store.list("runs") == ["runs/r2/log.txt"]
    with pytest.raises(StoreError, match="No such file"):
        store.read_bytes("runs/r1/status.json")


def test_a_snapshot_is_found_by_its_digest(store: ArtifactStore) -> None:
    artifact = published(store, FILES)
    store.point_to_snapshot(artifact.digest, artifact.uri)
    store.point_to_snapshot(artifact.digest, artifact.uri)
    assert store.open_snapshot(artifact.digest) == artifact
    with pytest.raises(StoreError, match="not in this artifact store"):
        store.open_snapshot("sha256:0")
    store.point_to_snapshot("sha256:1", artifact.uri)
    with pytest.raises(StoreError, match="not the snapshot"):
        store.open_snapshot("sha256:1")


def test_a_store_is_written_as_its_path_and_equals_another_of_that_path(tmp_path: Path) -> None:
    store = ArtifactStore(str(tmp_path))
    assert store == ArtifactStore(path=str(tmp_path)) == ArtifactStore(tmp_path)
    assert store.to_config() == {"type": "ArtifactStore", "config": {"path": str(tmp_path)}}
    assert ArtifactStore.from_config(store.to_config()) == store
    store.write_bytes("x", b"1")
    assert store == ArtifactStore(tmp_path)
    assert hash(store) == hash(ArtifactStore(tmp_path))


def test_a_store_takes_one_path() -> None:
    with pytest.raises(ConfigError, match="a value is required"):
        ArtifactStore()  # type: ignore[call-arg] # the mistake under test
    with pytest.raises(ConfigError, match="unknown parameter"):
        ArtifactStore("a", pth="b")
    for build in (lambda: ArtifactStore("a", "b"), lambda: ArtifactStore("a", path="b")):  # type: ignore[call-arg,misc] # wrong on purpose
        with pytest.raises(TypeError, match="takes one path"):
            build()


def test_a_password_in_a_url_is_refused_and_not_told() -> None:
    with pytest.raises(ConfigError, match="a password must not stand in a URL") as caught:
        ArtifactStore("sftp://me:planted@host/dir")
    assert "planted" not in str(caught.value)
    assert ArtifactStore("sftp://me@host/dir").path == "sftp://me@host/dir"


def test_a_relative_path_counts_from_the_given_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = ArtifactStore("data/artifacts")
    resolved = store.resolve(tmp_path)
    assert resolved.path == str(tmp_path / "data/artifacts")
    assert resolved.resolve(Path("/elsewhere")) is resolved
    monkeypatch.chdir(tmp_path)
    store.write_bytes("x", b"1")
    assert resolved.read_bytes("x") == b"1"
    assert ArtifactStore("gs://bucket/dir").resolve(tmp_path).path == "gs://bucket/dir"


def test_a_file_url_is_a_folder(tmp_path: Path) -> None:
    store = ArtifactStore(f"file://{tmp_path}/a%20b")
    artifact = published(store, FILES)
    assert artifact.path == tmp_path / "a b/Examples/f00d/r1-1"
    assert store.open(artifact.uri) == store.open(f"file://{artifact.uri}") == artifact
    assert store.resolve(tmp_path) == ArtifactStore(tmp_path / "a b")
    with pytest.raises(StoreError, match="of this machine"):
        ArtifactStore("file://server/folder").has("x")


@pytest.mark.parametrize(
    ("url", "package"),
    [("gs://b/d", "zenml-gcp"), ("gcs://b", "zenml-gcp"), ("S3://b", "zenml-aws"), ("s3a://b", "zenml-aws")],
)
def test_a_url_that_nothing_serves_says_which_package_would(
    monkeypatch: pytest.MonkeyPatch, url: str, package: str
) -> None:
    from zenml.plugins import registry

    monkeypatch.setattr(registry.registry(), "named", lambda *_: [])
    with pytest.raises(StoreError, match=f"Run: pip install {package}"):
        ArtifactStore(url).open(f"{url}/x")


def test_a_url_of_an_unknown_scheme_is_refused_with_the_closest() -> None:
    with pytest.raises(StoreError, match="no installed plugin serves gopher://"):
        ArtifactStore("gopher://hole").has("x")
    with pytest.raises(StoreError, match=r"Did you mean sftp\?"):
        ArtifactStore("sfpt://host/folder").has("x")


def test_a_url_that_fsspec_needs_a_package_for_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from fsspec.registry import known_implementations

    monkeypatch.setitem(
        known_implementations, "lost", {"class": "no_such_package.Files", "err": "Install no-such-package"}
    )
    with pytest.raises(StoreError, match=r"needs a package that is not installed\. Install no-such-package"):
        ArtifactStore("lost://x").has("y")


def test_memory_is_no_place_for_artifacts() -> None:
    with pytest.raises(StoreError, match="gone when its process ends"):
        ArtifactStore("memory://x").has("y")


class MemoryStore(ArtifactStore):
    def open_transport(self) -> Any:
        from zenml.artifacts.local import LocalTransport

        return LocalTransport("/nowhere")


def test_a_plugin_may_serve_a_scheme(monkeypatch: pytest.MonkeyPatch) -> None:
    from zenml.plugins import registry
    from zenml.plugins.row import Row
    from zenml.plugins.specs import State

    def row(target: str, state: str = State.AVAILABLE) -> Row:
        return Row("mem", "artifact-store", "zenml-mem", "1.0", state, reason="it is broken", target=target)

    rows: list[Row] = []
    monkeypatch.setattr(registry.registry(), "named", lambda name, _: rows if name == "mem" else [])
    with pytest.raises(StoreError, match="no installed plugin"):
        ArtifactStore("mem://x").has("y")
    rows[:] = [row("store_of_a_plugin:MemoryStore")]
    monkeypatch.setitem(sys.modules, "store_of_a_plugin", SimpleNamespace(MemoryStore=MemoryStore))
    assert ArtifactStore("mem://x").uri("y") == "/nowhere/y"
    rows[:] = [row("zenml.artifacts.local:LocalTransport")]
    with pytest.raises(StoreError, match="not an ArtifactStore"):
        ArtifactStore("mem://x").has("y")
    rows[:] = [row("zenml.artifacts.local:LocalTransport", State.BROKEN)]
    with pytest.raises(StoreError, match="it is broken"):
        ArtifactStore("mem://x").has("y")


names = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="/"), min_size=1, max_size=8)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | names,
    lambda children: st.lists(children, max_size=3) | st.dictionaries(names, children, max_size=3),
    max_leaves=6,
)
files = st.builds(
    File, names, st.integers(0, 2**60), st.text("0123456789abcdef", min_size=64, max_size=64), st.booleans()
)


@given(kind=names, rows=st.lists(files, max_size=4), properties=st.dictionaries(names, json_values, max_size=3))
def test_a_manifest_comes_back_as_it_was(kind: str, rows: list[File], properties: dict[str, Any]) -> None:
    manifest = Manifest(kind, tuple(rows), properties)
    data = manifest.to_bytes()
    assert Manifest.from_bytes(data, "here") == manifest
    assert Manifest.from_bytes(data, "here").to_bytes() == data


@given(data=st.binary(max_size=300))
def test_whatever_stands_in_a_manifest_is_an_artifact_or_one_clear_error(data: bytes) -> None:
    with pytest.raises(StoreError):
        Manifest.from_bytes(data, "here")
