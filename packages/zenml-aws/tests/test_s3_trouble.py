"""Each mistake with a bucket is one clear sentence, without a traceback and without a secret."""

from __future__ import annotations

import json
import socket
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from zenml.artifacts.read_cache import FOLDER_VARIABLE
from zenml.cli.main import run
from zenml.errors import ConfigError, SecretError, StoreError
from zenml.testing.artifact_store import FILES, published
from zenml.testing.emulators import make_s3_bucket, s3_emulator
from zenml_aws import transport
from zenml_aws.artifact_store import S3ArtifactStore

PLANTED = "planted/Secret+value=1729"


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(transport, "_ATTEMPTS", 1)


@pytest.fixture(scope="module")
def strict(_installed: None) -> Iterator[tuple[str, dict[str, str], dict[str, str]]]:
    """An S3 that checks who asks: its address, the key of a user who may do nothing, and of one who may do little."""
    import boto3

    with s3_emulator() as address:
        make_s3_bucket(address, "closed")
        known: dict[str, Any] = {"endpoint_url": address, "region_name": "us-east-1"}
        iam = boto3.client("iam", aws_access_key_id="root", aws_secret_access_key="root", **known)
        keys = []
        for name in ("nobody", "worker"):
            iam.create_user(UserName=name)
            key = iam.create_access_key(UserName=name)["AccessKey"]
            keys.append({"access_key": key["AccessKeyId"], "secret_key": key["SecretAccessKey"]})
        may = ["s3:ListBucket", "s3:GetObject", "s3:PutObject", "s3:DeleteObject"]
        policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": may, "Resource": "*"}]}
        iam.put_user_policy(UserName="worker", PolicyName="little", PolicyDocument=json.dumps(policy))
        iam.close()
        from_now_on = urllib.request.Request(
            f"{address}/moto-api/reset-auth", data=b"0", headers={"Content-Type": "text/plain"}
        )
        urllib.request.urlopen(from_now_on, timeout=60).close()
        yield address, keys[0], keys[1]


def refused(store: S3ArtifactStore, expected: str) -> None:
    with pytest.raises(StoreError, match=expected) as caught:
        store.check()
    assert str(caught.value).startswith("s3://")
    assert "\n" not in str(caught.value)
    assert PLANTED not in str(caught.value)


def test_a_bucket_that_is_not_there(s3: str) -> None:
    store = S3ArtifactStore("s3://nowhere/dir", endpoint_url=s3, access_key="test", secret_key=PLANTED)
    refused(store, "the bucket nowhere does not exist. Make it")
    with pytest.raises(StoreError, match="does not exist"):
        store.open("s3://nowhere/dir/Examples/f/1")
    with pytest.raises(StoreError, match="does not exist"):
        store.write_bytes("x", b"1")


def test_no_permission_and_wrong_keys(strict: tuple[str, dict[str, str], dict[str, str]]) -> None:
    address, nobody, _ = strict
    store = S3ArtifactStore("s3://closed/dir", endpoint_url=address, **nobody)
    refused(store, "access to the bucket closed is denied. Grant s3:ListBucket")
    store = S3ArtifactStore("s3://closed/dir", endpoint_url=address, **{**nobody, "secret_key": PLANTED})
    refused(store, "the secret key does not fit the access key. Check the credentials")
    store = S3ArtifactStore("s3://closed", endpoint_url=address, access_key="AKIANOBODY", secret_key=PLANTED)
    refused(store, "the access key is not known to the service. Check the credentials")


def test_a_bucket_without_permission_is_told_on_the_command_line(
    strict: tuple[str, dict[str, str], dict[str, str]],
    project: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    address, nobody, worker = strict
    (project / "t.csv").write_text("a,b\n" + "1,2\n" * 9)
    data = "{id: data, type: CSVDatasource, config: {name: T, path: t.csv}}"
    (project / "t.yaml").write_text(f"zenml: 1\nname: T\ntype: DataPipeline\nsteps: [{data}]\n")
    keys = ("--endpoint-url", address, "--access-key", "env:S3_TEST_KEY", "--secret-key", "env:S3_TEST_SECRET")
    setting = ("config", "artifacts", "set", "s3://closed/commands", *keys)

    def refused_command(*words: str) -> None:
        assert run(list(words)) == 1
        out, err = capsys.readouterr()
        (said,) = (line for line in err.splitlines() if not line.endswith("running"))
        assert said.startswith("Error: ")
        assert "access to the bucket closed is denied. Grant s3:ListBucket, GetObject, PutObject, DeleteObject" in said
        assert nobody["secret_key"] not in out + err

    def use(user: dict[str, str]) -> None:
        monkeypatch.setenv("S3_TEST_KEY", user["access_key"])
        monkeypatch.setenv("S3_TEST_SECRET", user["secret_key"])

    use(nobody)
    refused_command(*setting)
    assert not (project / ".zenml/config.yaml").exists()
    use(worker)
    assert run(list(setting)) == 0
    assert run(["pipeline", "run", "t.yaml"]) == 0
    assert run(["run", "list", "--json"]) == 0
    capsys.readouterr()
    use(nobody)  # as after the permission was withdrawn
    for words in (("pipeline", "run", "t.yaml"), ("datasource", "sample", "T")):
        refused_command(*words)


def test_who_may_not_list_unfinished_uploads_can_work(strict: tuple[str, dict[str, str], dict[str, str]]) -> None:
    address, _, worker = strict
    store = S3ArtifactStore("s3://closed/dir", endpoint_url=address, **worker)
    store.check()
    store.verify(published(store, FILES))
    store.discard_attempt("f00d", "r1-1")
    assert store.list("Examples") == []


def test_no_credentials_and_no_profile(s3: str) -> None:
    refused(S3ArtifactStore("s3://bucket", endpoint_url=s3), "no AWS credentials were found. Check")
    refused(S3ArtifactStore("s3://bucket", endpoint_url=s3, profile="none"), "the AWS profile is not there")


def test_secrets_that_resolve_to_nothing_are_told_as_such(s3: str) -> None:
    keys = {"access_key": "env:S3_TEST_NO_KEY", "secret_key": "env:S3_TEST_NO_SECRET"}
    store = S3ArtifactStore("s3://bucket", endpoint_url=s3, **keys)
    with pytest.raises(SecretError, match=r"(?s)2 problems.*env:S3_TEST_NO_KEY.*env:S3_TEST_NO_SECRET"):
        store.require_secrets()
    for work in (store.check, lambda: store.list("Examples"), lambda: store.open("s3://bucket/Examples/f/1")):
        with pytest.raises(SecretError, match=r"^the secret env:S3_TEST_NO_KEY resolves to nothing"):
            work()


def test_no_network() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
        store = S3ArtifactStore("s3://bucket", endpoint_url=address, access_key="test", secret_key=PLANTED)
        refused(store, "the service cannot be reached. Check the network")


def test_a_url_without_a_bucket(s3: str) -> None:
    store = S3ArtifactStore("s3://Not_a-Bucket!/x", endpoint_url=s3, access_key="test", secret_key=PLANTED)
    refused(store, "'Not_a-Bucket!' is no name of a bucket. Write s3://bucket/folder")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"access_key": "a"}, "access_key and secret_key go together"),
        ({"session_token": "a"}, "session_token goes with"),
        ({"anonymous": True, "profile": "a"}, "anonymous and profile exclude each other"),
        ({"acess_key": "a"}, "Did you mean access_key"),
    ],
)
def test_options_that_do_not_fit_are_refused(options: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        S3ArtifactStore("s3://bucket", **options)


def test_a_store_is_set_on_the_command_line_after_a_try(
    project: Path, s3: str, bucket: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def call(*words: str) -> tuple[int, str, str]:
        code = run(["config", "artifacts", *words])
        out, err = capsys.readouterr()
        assert PLANTED not in out + err
        return code, out, err

    options = ("--endpoint-url", s3, "--access-key", "test", "--secret-key", PLANTED)
    code, _, err = call("set", "s3://nowhere/dir", *options)
    assert (code, "the bucket nowhere does not exist" in err, "Traceback" in err) == (1, True, False)
    code, out, err = call("set", f"s3://{bucket}/dir", *options)
    assert (code, out) == (0, f"Artifacts are kept at s3://{bucket}/dir\n"), err
    shown = json.loads(call("get", "--json")[1])
    assert shown["artifact_store"] == f"s3://{bucket}/dir"
    assert shown["options"]["endpoint_url"] == s3
    assert shown["options"]["secret_key"].startswith("secret:")
    holding = [
        path.name for path in project.rglob("*") if path.is_file() and PLANTED in path.read_text("utf-8", "replace")
    ]
    assert len(holding) == 1
    assert "secret" in holding[0]
    from zenml.repo import Repository

    store = Repository.init(project).artifact_store
    assert isinstance(store, S3ArtifactStore)
    store.check()
    assert "--endpoint-url" in call("set", "s3://x", "--help")[1]


def test_an_object_changed_by_hand_is_told_on_the_command_line(
    project: Path,
    s3: str,
    bucket: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (project / "t.csv").write_text("a,b\n" + "1,2\n" * 9)
    data = "{id: data, type: CSVDatasource, config: {name: T, path: t.csv}}"
    (project / "t.yaml").write_text(f"zenml: 1\nname: T\ntype: DataPipeline\nsteps: [{data}]\n")
    keys = {"endpoint_url": s3, "access_key": "test", "secret_key": PLANTED}
    options = [word for name, value in keys.items() for word in (f"--{name.replace('_', '-')}", value)]
    assert run(["config", "artifacts", "set", f"s3://{bucket}/dir", *options]) == 0
    assert run(["pipeline", "run", "t.yaml"]) == 0
    store = S3ArtifactStore(f"s3://{bucket}/dir", **keys)
    (key,) = (key for key in store.list("Examples") if key.endswith(".arrow"))
    shard = store.read_bytes(key)
    store.write_bytes(key, shard[:-1] + bytes([shard[-1] ^ 1]))
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "another cache"))
    capsys.readouterr()
    assert run(["datasource", "sample", "T"]) == 1
    out, err = capsys.readouterr()
    assert (out, err) == ("", f"Error: {store.uri(key)}: the file was changed. Delete the artifact and run again\n")
