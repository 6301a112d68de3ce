from __future__ import annotations

import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from zenml.errors import SecretError
from zenml.secrets import SecretsFile


@pytest.fixture
def file(tmp_path: Path) -> SecretsFile:
    return SecretsFile(tmp_path / "secrets.yaml")


def tell(file: SecretsFile) -> str:
    with pytest.raises(SecretError) as raised:
        file.read()
    return str(raised.value)


def test_values_are_kept_changed_and_removed(file: SecretsFile) -> None:
    assert file.read() == {}
    file.set("a", "1")
    file.set("b", "two\nlines: # ü\n")
    file.set("a", "yes")
    assert file.read() == {"a": "yes", "b": "two\nlines: # ü\n"}
    file.delete("a")
    assert file.read() == {"b": "two\nlines: # ü\n"}
    assert [path.name for path in file.path.parent.iterdir()] == ["secrets.yaml"]


def test_a_name_is_kept_for_one_value(file: SecretsFile) -> None:
    assert [file.keep("db", value) for value in ("x", "y", "x", "z")] == ["db", "db-2", "db", "db-3"]


def test_only_its_owner_can_read_it_whatever_the_umask(file: SecretsFile) -> None:
    before = os.umask(0)
    try:
        file.set("a", "1")
        file.set("b", "2")
    finally:
        os.umask(before)
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600


def test_it_is_never_readable_by_others_while_it_is_written(file: SecretsFile, monkeypatch: pytest.MonkeyPatch) -> None:
    modes: list[int] = []
    fsync = os.fsync

    def look(descriptor: int) -> None:
        modes.extend(stat.S_IMODE(path.stat().st_mode) for path in file.path.parent.iterdir())
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", look)
    file.set("a", "1")
    file.set("a", "2")
    assert set(modes) == {0o600}


def test_a_writer_that_fails_leaves_the_file_as_it_was(file: SecretsFile, monkeypatch: pytest.MonkeyPatch) -> None:
    file.set("a", "1")

    def fail(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(SecretError, match="No space left"):
        file.set("a", "2")
    assert file.read() == {"a": "1"}
    assert [path.name for path in file.path.parent.iterdir()] == ["secrets.yaml"]


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660])
def test_a_file_that_others_may_read_is_refused_with_the_mend(file: SecretsFile, mode: int) -> None:
    file.set("a", "hunter22")
    file.path.chmod(mode)
    assert f"chmod 600 {file.path}" in tell(file)
    with pytest.raises(SecretError, match="chmod 600"):
        file.set("b", "2")
    with pytest.raises(SecretError, match="chmod 600"):
        file.delete("a")


def test_what_is_no_secrets_file_is_told_without_its_content(file: SecretsFile) -> None:
    for data, told in (
        (b"- hunter22\n", "names and values"),
        (b"hunter22", "names and values"),
        (b"a: {hunter22", "line 1 is no YAML"),
        (b"a: 12345678\nb: [hunter22]\n", "a, b is no text"),
        (b"a: \xff", "no UTF-8"),
        (b"a: \x00hunter22", "no YAML"),
    ):
        file.path.unlink(missing_ok=True)
        file.path.touch(mode=0o600)
        file.path.write_bytes(data)
        text = tell(file)
        assert told in text
        assert "hunter22" not in text
        assert "12345678" not in text


def test_a_folder_in_its_place_is_told(file: SecretsFile) -> None:
    file.path.mkdir()
    assert "Is a directory" in tell(file)


def test_a_link_is_followed_and_stays(file: SecretsFile, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    file.path.symlink_to(tmp_path / "elsewhere" / "mine.yaml")
    file.set("a", "1")
    assert file.path.is_symlink()
    assert file.read() == {"a": "1"}


@pytest.mark.parametrize("name", ["", "a b", "-a", "a/b", "a:b", "x" * 129, "a\n"])
def test_a_name_must_be_one(file: SecretsFile, name: str) -> None:
    with pytest.raises(SecretError, match="name of a secret"):
        file.set(name, "1")


def test_an_empty_value_or_an_unknown_name_is_refused(file: SecretsFile) -> None:
    with pytest.raises(SecretError, match="is empty"):
        file.set("a", "")
    file.set("db.password", "1")
    with pytest.raises(SecretError, match=r"Did you mean db\.password\?"):
        file.delete("db.pasword")


def test_no_writer_loses_what_another_one_keeps(file: SecretsFile) -> None:
    program = (
        "import sys; from pathlib import Path; from zenml.secrets import SecretsFile\n"
        "for n in range(20): SecretsFile(Path(sys.argv[1])).set(f'{sys.argv[2]}.{n}', 'v')"
    )
    processes = [subprocess.Popen([sys.executable, "-c", program, str(file.path), name]) for name in ("a", "b")]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda name: [file.set(f"{name}.{number}", "v") for number in range(20)], ("c", "d")))
    assert [process.wait() for process in processes] == [0, 0]
    assert len(file.read()) == 80


def test_a_folder_that_is_gone_is_told(tmp_path: Path) -> None:
    with pytest.raises(SecretError, match="cannot write"):
        SecretsFile(tmp_path / "gone" / "secrets.yaml").set("a", "1")
