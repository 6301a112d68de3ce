from __future__ import annotations

from zenml.runtime.console import duration_text
from zenml.runtime.identifiers import RUN_ID, new_run_id
from zenml.runtime.remote import slug


def test_run_ids_have_their_form_and_are_all_different() -> None:
    ids = [new_run_id() for _ in range(1000)]
    assert all(RUN_ID.fullmatch(run_id) for run_id in ids)
    assert len(set(ids)) == 1000
    assert [run_id[:10] for run_id in ids] == sorted(run_id[:10] for run_id in ids)


def test_a_slug_fits_a_label() -> None:
    assert slug("My Pipeline_v1.0") == "my-pipeline-v1-0"


def test_durations_read_well() -> None:
    assert [duration_text(value) for value in (None, 0.0123, 3.44, 125, 11400)] == [
        "",
        "12 ms",
        "3.4 s",
        "2 min 5 s",
        "3 h 10 min",
    ]
