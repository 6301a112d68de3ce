"""What every artifact store must do: inherit the class, give the `store` fixture, and run pytest."""

# ruff: noqa: S101 - a suite for pytest checks by assert
from __future__ import annotations

import json
import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ClassVar

import pytest

from zenml.artifacts.handles import StoredArtifact
from zenml.artifacts.read_cache import FOLDER_VARIABLE
from zenml.artifacts.store import ArtifactStore
from zenml.artifacts.types import Artifact, Examples, Model
from zenml.errors import StoreError

FILES = {
    "schema.json": b"{}",
    "all/shard-00000.arrow": bytes(range(256)) * 16,
    "all/shard-00001.arrow": b"",
    "all/statistics.json": b'{"rows": 3}',
}
ODD_NAMES = ("a b", "é", "100%", "a+b", "a#b", "a?b", "a&b=c", "[a]", "{b}", "a*", "~", "-", "a;b", "'", "…/deep/er")


class ArtifactStoreConformance:
    """Tests of one store; each begins with an empty one, and with an empty cache.

    A subclass gives the fixture `store`, an empty store, and may override `another` where a second connection to the
    same store is made otherwise than from its config.
    """

    LARGE: ClassVar[int] = 34_000_000
    """Bytes of a file that is large enough to be sent in parts, where the store does so."""

    NAMES: ClassVar[tuple[str, ...]] = ODD_NAMES
    """Names of files that any store keeps; leave out what only an emulator gets wrong."""

    @pytest.fixture
    def store(self) -> ArtifactStore:
        """Return an empty store."""
        raise TypeError(f"{type(self).__name__} must give the fixture `store`")

    @pytest.fixture(autouse=True)
    def cache(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """Use an empty cache."""
        monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "cache"))
        return tmp_path / "cache"

    @pytest.fixture
    def cold(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, store: ArtifactStore) -> ArtifactStore:
        """Return the same store as another machine sees it: with a cache of its own, which is empty."""
        monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "other cache"))
        there = self.another(store)
        assert there.list("none") == []
        monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "cache"))
        return there

    def another(self, store: ArtifactStore) -> ArtifactStore:
        """Return the same store as another process would open it."""
        return type(store)(**store.model_dump())

    def test_a_check_leaves_nothing(self, store: ArtifactStore) -> None:
        """Who checks a store may do so at any time."""
        store.check()
        assert store.list("checks") == []
        assert [name for name in store.transport.folders("") if name != "checks"] == []

    def test_a_store_is_written_in_a_spec_and_read_again(self, store: ArtifactStore) -> None:
        """A spec loses nothing of it."""
        assert self.another(store) == store
        again = ArtifactStore.from_spec(store.to_spec())
        again.write_bytes("x", b"1")
        assert store.read_bytes("x") == b"1"

    def test_what_is_published_is_read_elsewhere_byte_by_byte(self, store: ArtifactStore, cold: ArtifactStore) -> None:
        """Files, digest, type and facts are the same for whoever opens it."""
        made = published(store, FILES, rows=[1, 2], name="é")
        assert made.type == "Examples"
        assert made.properties == {"rows": [1, 2], "name": "é"}
        assert contents(made) == FILES
        assert store.exists(made.uri)
        store.verify(made)
        found = cold.open(made.uri)
        assert found == made
        assert contents(found) == FILES
        cold.verify(found)

    def test_the_manifest_is_that_of_a_local_store(self, store: ArtifactStore, tmp_path: Path) -> None:
        """Where an artifact is kept makes no difference to its bytes."""
        here = published(store, FILES, rows=3)
        there = published(ArtifactStore(tmp_path / "local"), FILES, rows=3)
        assert here.digest == there.digest
        key = store.transport.key(here.uri)
        assert store.read_bytes(f"{key}/manifest.json") == (Path(there.uri) / "manifest.json").read_bytes()

    def test_without_its_manifest_there_is_no_artifact(self, store: ArtifactStore) -> None:
        """What is being made, or was left half-made, is seen by nobody; it can be discarded, twice too."""
        new = store.new(Examples, "f00d", "r1-1")
        (new.path / "x").write_bytes(b"x")
        uri = store.uri(new.key)
        assert not self.another(store).exists(uri)
        with pytest.raises(StoreError, match="there is no artifact"):
            store.open(uri)
        store.discard(new)
        store.discard(new)
        assert not new.path.exists()
        assert not store.exists(uri)

    def test_what_cannot_be_sent_is_not_published(self, store: ArtifactStore, monkeypatch: pytest.MonkeyPatch) -> None:
        """Where the manifest cannot be written there is no artifact, and the next attempt is clean."""

        def fail(*_: object) -> None:
            raise ConnectionResetError("broken off")

        new = store.new(Examples, "f00d", "r1-1")
        (new.path / "x").write_bytes(b"x")
        with monkeypatch.context() as patched:
            patched.setattr(store.transport, "write", fail)
            with pytest.raises(StoreError, match="broken off"):
                store.publish(new)
        assert not store.exists(store.uri(new.key))
        store.discard(new)
        assert store.list("Examples") == []
        store.verify(published(store, FILES, "r1-2"))

    def test_an_attempt_has_its_folder_for_itself(self, store: ArtifactStore) -> None:
        """The place of an artifact is never given twice."""
        published(store, FILES, "r1-1")
        store.new(Examples, "f00d", "r1-2")
        for attempt in ("r1-1", "r1-2"):
            with pytest.raises(StoreError, match="File exists"):
                store.new(Examples, "f00d", attempt)
        store.new(Examples, "f00d", "r1-12")

    @pytest.mark.parametrize("change", ["gone", "longer", "extra"])
    def test_a_file_that_differs_in_name_or_size_is_found_on_opening(self, store: ArtifactStore, change: str) -> None:
        """A cache hit checks that much."""
        made = published(store, FILES)
        key = store.transport.key(made.uri)
        if change == "gone":
            store.remove(f"{key}/all/shard-00000.arrow")
        else:
            name = "all/shard-00000.arrow" if change == "longer" else "all/extra"
            store.write_bytes(f"{key}/{name}", b"longer" * 1000)
        with pytest.raises(StoreError, match="all/"):
            self.another(store).open(made.uri)

    def test_a_changed_byte_is_found_on_reading(self, store: ArtifactStore, cold: ArtifactStore, cache: Path) -> None:
        """No changed file is ever read from afar, and `verify` finds it anywhere."""
        made = published(store, FILES)
        store.write_bytes(f"{store.transport.key(made.uri)}/schema.json", b"[]")
        for there in (store, cold):
            with pytest.raises(StoreError, match=r"schema\.json: the file was changed"):
                there.verify(made)
        if made.path.is_relative_to(cache):
            with pytest.raises(StoreError, match=r"schema\.json: the file was changed"):
                assert cold.open(made.uri).path

    def test_a_changed_manifest_is_refused(self, store: ArtifactStore) -> None:
        """What an artifact says of itself is protected too."""
        made = published(store, FILES, rows=7)
        key = f"{store.transport.key(made.uri)}/manifest.json"
        body = json.loads(store.read_bytes(key))
        body["properties"]["rows"] = 8
        store.write_bytes(key, json.dumps(body).encode())
        with pytest.raises(StoreError, match="damaged"):
            store.open(made.uri)

    def test_names_are_kept_whatever_they_are(self, store: ArtifactStore, cold: ArtifactStore) -> None:
        """No character of a file's name means anything to the store."""
        files = {name: name.encode() for name in self.NAMES}
        made = published(store, files)
        assert contents(cold.open(made.uri)) == files
        cold.verify(made)
        cold.delete(made.uri)
        assert store.list("Examples") == []

    def test_large_and_many_files_arrive(self, store: ArtifactStore, cold: ArtifactStore) -> None:
        """What is sent in parts, or beside many others, is what was written."""
        data = random.Random(1729).randbytes(self.LARGE)  # noqa: S311 - the same bytes each time
        files = {"large": data, **{f"split/shard-{number:05}.arrow": bytes([number]) * 100 for number in range(20)}}
        made = published(store, files)
        assert contents(cold.open(made.uri)) == files

    def test_what_is_deleted_is_gone_and_its_neighbours_stay(self, store: ArtifactStore) -> None:
        """Deleting twice is no error; an attempt whose name begins alike is another one."""
        first, second = published(store, FILES, "r1-1"), published(store, FILES, "r1-12")
        store.delete(first.uri)
        store.delete(first.uri)
        assert not store.exists(first.uri)
        assert self.another(store).open(second.uri) == second
        store.delete(second.uri)
        assert store.list("Examples") == []
        assert "Examples" not in store.transport.folders("")

    def test_what_a_lost_attempt_left_is_discarded_by_fingerprint(self, store: ArtifactStore) -> None:
        """Whatever its type and output; other attempts and fingerprints stay."""
        kept = published(store, FILES, "r2-1")
        published(store, FILES, "r1-1")
        published(store, FILES, "r1-1-model", kind=Model)
        published(store, FILES, "r1-12", kind=Model)
        self.another(store).discard_attempt("sha256:f00d", "r1-1")
        left = {key.rpartition("/all/")[0] for key in (*store.list("Examples"), *store.list("Model")) if "/all/" in key}
        assert left == {"Examples/f00d/r2-1", "Model/f00d/r1-12"}
        store.verify(kept)
        store.discard_attempt("none", "r1-1")

    def test_files_of_runs_are_kept_by_key(self, store: ArtifactStore) -> None:
        """They are written again and again, listed and removed, and seen by others at once."""
        other = self.another(store)
        assert store.list("runs") == []
        assert not store.has("runs/r1/status.json")
        with pytest.raises(StoreError, match="No such file"):
            store.read_bytes("runs/r1/status.json")
        store.write_bytes("runs/r1/status.json", b"1")
        assert other.read_bytes("runs/r1/status.json") == b"1"
        store.write_bytes("runs/r1/status.json", b"22")
        store.write_bytes("runs/r10/log.txt", b"")
        assert store.transport.modified("runs/r3/status.json") is None
        assert store.transport.modified("runs/r1/status.json") == other.transport.modified("runs/r1/status.json")
        assert other.read_bytes("runs/r1/status.json") == b"22"
        assert other.has("runs/r1/status.json")
        assert not other.has("runs/r1")
        assert other.list("runs") == ["runs/r1/status.json", "runs/r10/log.txt"]
        assert other.list("runs/r1") == ["runs/r1/status.json"]
        store.remove("runs/r1")
        store.remove("runs/r1")
        assert other.list("runs") == ["runs/r10/log.txt"]
        store.remove("runs/r10/log.txt")
        assert not other.has("runs/r10/log.txt")

    def test_a_file_is_seen_whole_while_many_write_it(self, store: ArtifactStore) -> None:
        """Whoever reads gets what one of the writers wrote."""
        texts = [bytes([number]) * 100_000 for number in range(8)]
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda text: store.write_bytes("runs/r1/x", text), texts))
        assert store.read_bytes("runs/r1/x") in texts
        assert store.list("runs") == ["runs/r1/x"]

    def test_a_snapshot_is_found_by_its_digest(self, store: ArtifactStore) -> None:
        """And refused where it is not the one."""
        made = published(store, FILES)
        store.point_to_snapshot(made.digest, made.uri)
        assert self.another(store).open_snapshot(made.digest) == made
        with pytest.raises(StoreError, match="not in this artifact store"):
            store.open_snapshot("sha256:0")
        store.point_to_snapshot("sha256:1", made.uri)
        with pytest.raises(StoreError, match="not the snapshot"):
            store.open_snapshot("sha256:1")


def published(
    store: ArtifactStore,
    files: dict[str, bytes],
    attempt: str = "r1-1",
    kind: type[Artifact] = Examples,
    **facts: object,
) -> StoredArtifact:
    """Do what the runtime does for a step that writes these files."""
    new = store.new(kind, "sha256:f00d", attempt)
    for name, data in files.items():
        path = new.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    new.properties.update(facts)
    return store.publish(new)


def contents(artifact: StoredArtifact) -> dict[str, bytes]:
    """Return the files of an artifact."""
    found = (path for path in artifact.path.rglob("*") if path.is_file())
    named = {str(path.relative_to(artifact.path).as_posix()): path.read_bytes() for path in found}
    return {name: data for name, data in named.items() if name != "manifest.json"}
