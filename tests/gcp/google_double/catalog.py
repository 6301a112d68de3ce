"""Catalog: what the double's zones offer, and what is left of its quotas."""

from __future__ import annotations

from typing import Any


class Catalog:
    """Zones, types of machines and accelerators, networks, service accounts and quotas; tests change them."""

    def __init__(self) -> None:
        self.zones = ["europe-west1-b", "europe-west1-c", "europe-west1-d", "us-central1-a", "us-central1-b"]
        self.machine_types: dict[str, dict[str, Any]] = {
            name: {"name": name, "guestCpus": cpus, "memoryMb": cpus * 4096}
            for name, cpus in {"e2-standard-2": 2, "e2-standard-4": 4, "n1-standard-4": 4, "a2-highgpu-1g": 12}.items()
        }
        self.accelerators: dict[str, dict[str, Any]] = {
            name: {"name": name, "maximumCardsPerInstance": 4} for name in ("nvidia-tesla-t4", "nvidia-tesla-v100")
        }
        self.networks = ["default"]
        self.subnetworks = ["workers"]
        self.accounts = ["default", "trainer@proj-one.iam.gserviceaccount.com"]
        self.quotas: list[dict[str, Any]] = [
            {"metric": "CPUS", "limit": 24.0, "usage": 4.0},
            {"metric": "PREEMPTIBLE_CPUS", "limit": 0.0, "usage": 0.0},
            {"metric": "INSTANCES", "limit": 24.0, "usage": 1.0},
            {"metric": "IN_USE_ADDRESSES", "limit": 8.0, "usage": 0.0},
            {"metric": "NVIDIA_T4_GPUS", "limit": 2.0, "usage": 0.0},
        ]
