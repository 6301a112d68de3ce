"""The types of machines on which Vertex AI trains, and the accelerators that each of them takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from zenml.errors import Problem, closest
from zenml_gcp.access_checks import listed

GONE = {"NVIDIA_TESLA_K80": "Google has retired the K80"}
"""Accelerators that there were once."""

_T4, _V100, _P100, _P4 = "NVIDIA_TESLA_T4", "NVIDIA_TESLA_V100", "NVIDIA_TESLA_P100", "NVIDIA_TESLA_P4"
_H100 = "NVIDIA_H100_80GB"
_FEW: Mapping[str, tuple[int, ...]] = {_T4: (1, 2, 4), _P4: (1, 2, 4), _P100: (1, 2, 4), _V100: (1, 2, 4, 8)}
_N1: Mapping[int, Mapping[str, tuple[int, ...]]] = {
    2: _FEW,
    4: _FEW,
    8: _FEW,
    16: {**_FEW, _V100: (2, 4, 8)},
    32: {_T4: (2, 4), _P4: (2, 4), _P100: (2, 4), _V100: (4, 8)},
    64: {_T4: (4,), _P4: (4,), _P100: (4,), _V100: (8,)},
    96: {_T4: (4,), _P4: (4,), _P100: (4,), _V100: (8,)},
}
"""What machines of the series N1 take, by their number of processors; the others have theirs built in."""

_BUILT_IN: Mapping[str, tuple[str, int]] = {
    **{f"g2-standard-{cpus}": ("NVIDIA_L4", 1) for cpus in (4, 8, 12, 16, 32)},
    **{f"g2-standard-{cpus}": ("NVIDIA_L4", count) for cpus, count in ((24, 2), (48, 4), (96, 8))},
    **{f"g4-standard-{48 * count}": ("NVIDIA_RTX_PRO_6000", count) for count in (1, 2, 4, 8)},
    **{f"a2-highgpu-{count}g": ("NVIDIA_TESLA_A100", count) for count in (1, 2, 4, 8)},
    "a2-megagpu-16g": ("NVIDIA_TESLA_A100", 16),
    **{f"a2-ultragpu-{count}g": ("NVIDIA_A100_80GB", count) for count in (1, 2, 4, 8)},
    **{f"a3-highgpu-{count}g": (_H100, count) for count in (1, 2, 4, 8)},
    "a3-megagpu-8g": ("NVIDIA_H100_MEGA_80GB", 8),
    "a3-ultragpu-8g": ("NVIDIA_H200_141GB", 8),
    "a4-highgpu-8g": ("NVIDIA_B200", 8),
    "a4x-highgpu-4g": ("NVIDIA_GB200", 4),
}
_ONLY_SPOT = ("a3-highgpu-1g", "a3-highgpu-2g", "a3-highgpu-4g")

_PLAIN = (
    *(f"e2-standard-{cpus}" for cpus in (4, 8, 16, 32)),
    *(f"e2-highmem-{cpus}" for cpus in (2, 4, 8, 16)),
    *(f"e2-highcpu-{cpus}" for cpus in (16, 32)),
    *(f"n2-standard-{cpus}" for cpus in (4, 8, 16, 32, 48, 64, 80)),
    *(f"n2-highmem-{cpus}" for cpus in (2, 4, 8, 16, 32, 48, 64, 80)),
    *(f"n2-highcpu-{cpus}" for cpus in (16, 32, 48, 64, 80)),
    *(f"c2-standard-{cpus}" for cpus in (4, 8, 16, 30, 60)),
    *(f"m1-ultramem-{cpus}" for cpus in (40, 80, 160)),
    "m1-megamem-96",
)
_TAKES: Mapping[str, Mapping[str, tuple[int, ...]]] = {
    **{f"n1-standard-{cpus}": _N1[cpus] for cpus in (4, 8, 16, 32, 64, 96)},
    **{f"n1-highmem-{cpus}": _N1[cpus] for cpus in (2, 4, 8, 16, 32, 64, 96)},
    **{f"n1-highcpu-{cpus}": _N1[cpus] for cpus in (16, 32, 64, 96)},
    **{name: {kind: (count,)} for name, (kind, count) in _BUILT_IN.items()},
    **{name: {} for name in _PLAIN},
}
ACCELERATORS = tuple(dict.fromkeys(kind for takes in _TAKES.values() for kind in takes))
"""The types of accelerators."""


def accelerator(text: str) -> str:
    """Return the name of a type of accelerators, which may be written as Compute Engine does, or in short: `T4`.

    Raises:
        ValueError: there is none of that name any more, or at all.
    """
    name = text.upper().replace("-", "_")
    name = next(
        (kind for kind in (*ACCELERATORS, *GONE) if kind in (name, f"NVIDIA_{name}", f"NVIDIA_TESLA_{name}")), ""
    )
    if name in ACCELERATORS:
        return name
    what = f"{GONE[name]}" if name else f"Vertex AI has no accelerator {text}"
    near = "" if name else closest(text.upper().replace("-", "_"), ACCELERATORS)
    raise ValueError(f"{what}. {near + ' ' if near else ''}There are: {', '.join(ACCELERATORS)}")


def machine_problems(machine: str, kind: str | None, count: int, *, spot: bool, where: str) -> Iterator[Problem]:
    """Find out whether there is a type of machines, and whether it takes accelerators of a type and number.

    Args:
        machine: the type of machines.
        kind: the type of accelerators; None for none.
        count: how many of them.
        spot: whether spot machines are asked for.
        where: what has the fields.
    """
    if machine not in _TAKES:
        fitting = _fitting(kind, count) if kind else sorted(_PLAIN)
        near = closest(machine, fitting) or closest(machine, _TAKES)
        what = f"Vertex AI trains on no machine type {machine}"
        yield Problem(what, f"{where}.machine_type", f"{near} {_offer(kind, count, fitting)}".strip())
        return
    takes = _TAKES[machine]
    if kind is None:
        if machine in _BUILT_IN:
            own, most = _BUILT_IN[machine]
            what = f"{machine} has accelerators built in, and none is asked for"
            mend = f"Set accelerator_type={own!r} and accelerator_count={most}, or choose another machine_type"
            yield Problem(what, f"{where}.accelerator_type", mend)
    elif kind not in takes:
        fitting = _fitting(kind, count)
        own = f"{machine} takes {', '.join(takes)}. " if takes else ""
        near = closest(machine, fitting)
        what = f"{machine} takes no {kind}"
        yield Problem(what, f"{where}.machine_type", f"{own}{near + ' ' if near else ''}{_offer(kind, count, fitting)}")
    elif count not in takes[kind]:
        numbers = " or ".join(map(str, takes[kind]))
        what = f"{machine} takes {numbers} of {kind}, not {count}"
        yield Problem(what, f"{where}.machine_type", _offer(kind, count, _fitting(kind, count)))
    if machine in _ONLY_SPOT and not spot:
        what = f"machines of the type {machine} are given to spot jobs only"
        yield Problem(what, f"{where}.spot", "Set spot=True, or machine_type='a3-highgpu-8g' with all its accelerators")


def offer(kind: str | None, count: int) -> str:
    """Return the machine types that go with accelerators of a type and number, as a sentence."""
    return _offer(kind, count, _fitting(kind, count) if kind else sorted(_PLAIN))


def _fitting(kind: str, count: int) -> list[str]:
    return [name for name, takes in _TAKES.items() if count in takes.get(kind, ())]


def _offer(kind: str | None, count: int, names: list[str]) -> str:
    if not names:
        return f"No machine takes {count} of {kind}"
    of = f"{count} of {kind}" if kind and count > 1 else kind or "no accelerator"
    return f"Machine types with {of}: {listed(names, 20)}"
