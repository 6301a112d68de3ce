"""Machines and accelerators that go together, and what is told where they do not."""

from __future__ import annotations

import pytest
from google_double.discovery import document
from vertex_rules import TAKES

from zenml_gcp.vertex.machines import ACCELERATORS, GONE, accelerator, machine_problems


def told(machine: str, kind: str | None, count: int = 1, *, spot: bool = False) -> str:
    return " | ".join(map(str, machine_problems(machine, kind, count, spot=spot, where="It")))


@pytest.mark.parametrize("text", ["NVIDIA_TESLA_T4", "nvidia-tesla-t4", "T4", "tesla-t4"])
def test_an_accelerator_is_known_by_all_its_names(text: str) -> None:
    assert accelerator(text) == "NVIDIA_TESLA_T4"


@pytest.mark.parametrize("text", ["K80", "NVIDIA_TESLA_K80", "nvidia-tesla-k80"])
def test_of_one_that_is_gone_today_s_are_told(text: str) -> None:
    with pytest.raises(ValueError, match=r"Google has retired the K80\. There are: NVIDIA_TESLA_T4, .*NVIDIA_L4"):
        accelerator(text)


def test_of_one_that_never_was_the_closest_is_told() -> None:
    with pytest.raises(ValueError, match=r"no accelerator NVIDIA_TESLA_A10\. Did you mean NVIDIA_TESLA_A100\? There"):
        accelerator("NVIDIA_TESLA_A10")


def test_accelerators_are_those_of_the_service() -> None:
    schemas = document("aiplatform.v1").schemas
    known = schemas.enum_of("GoogleCloudAiplatformV1MachineSpec", "acceleratorType")
    assert {*ACCELERATORS, *GONE} == {kind for kind in known if kind.startswith("NVIDIA_")}


@pytest.mark.parametrize("machine", TAKES)
def test_what_the_double_takes_is_found_sound_and_what_it_refuses_is_not(machine: str) -> None:
    for kind in ACCELERATORS:
        for count in (1, 2, 4, 8):
            sound = count in TAKES[machine].get(kind, ())
            assert (told(machine, kind, count) == "") == sound, (machine, kind, count)
    assert (told(machine, None) == "") == (not machine.startswith(("g2", "a2")))


@pytest.mark.parametrize(
    ("machine", "kind", "count", "words"),
    [
        ("n1-standard-5", "NVIDIA_TESLA_T4", 1, "It.machine_type: Vertex AI trains on no machine type n1-standard-5."),
        ("n1-standard-5", "NVIDIA_TESLA_T4", 1, "Did you mean n1-standard-8? Machine types with NVIDIA_TESLA_T4: n1-"),
        ("g2-standart-8", "NVIDIA_L4", 1, "Did you mean g2-standard-8? Machine types with NVIDIA_L4: g2-standard-4,"),
        ("e2-standard-4", "NVIDIA_L4", 1, "It.machine_type: e2-standard-4 takes no NVIDIA_L4. Did you mean g2-"),
        ("a2-highgpu-1g", "NVIDIA_TESLA_T4", 1, "takes no NVIDIA_TESLA_T4. a2-highgpu-1g takes NVIDIA_TESLA_A100."),
        ("n1-standard-96", "NVIDIA_TESLA_T4", 1, "n1-standard-96 takes 4 of NVIDIA_TESLA_T4, not 1. Machine types"),
        ("g2-standard-24", "NVIDIA_L4", 1, "g2-standard-24 takes 2 of NVIDIA_L4, not 1"),
        ("n1-standard-4", "NVIDIA_TESLA_T4", 3, "takes 1 or 2 or 4 of NVIDIA_TESLA_T4, not 3. No machine takes 3"),
        ("g2-standard-8", None, 0, "It.accelerator_type: g2-standard-8 has accelerators built in"),
        ("x1-huge-999", None, 0, "Vertex AI trains on no machine type x1-huge-999. Machine types with no accelerator"),
    ],
)
def test_machines_that_do_not_go_with_their_accelerators_are_told(
    machine: str, kind: str | None, count: int, words: str
) -> None:
    assert words in told(machine, kind, count)


def test_small_machines_with_h100s_are_for_spot_jobs() -> None:
    assert "given to spot jobs only. Set spot=True" in told("a3-highgpu-1g", "NVIDIA_H100_80GB")
    assert told("a3-highgpu-1g", "NVIDIA_H100_80GB", spot=True) == ""
    assert told("a3-highgpu-8g", "NVIDIA_H100_80GB", 8) == ""
