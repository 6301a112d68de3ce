# ruff: noqa: E402 - PyTorch may not be installed
from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed. Run: pip install zenml-pytorch")

from zenml.backends.placement import Placement
from zenml.errors import ConfigError
from zenml.steps.trainer.reader import SplitReader
from zenml_pytorch import data_loader
from zenml_pytorch.devices import find_device
from zenml_pytorch.launcher import arguments
from zenml_pytorch.persistence import load_optimizer, save_optimizer
from zenml_pytorch.training_torch import TrainingTorchBackend
from zenml_pytorch.training_torchrun import TrainingTorchrunBackend


def test_the_best_device_that_is_there_is_found(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert find_device(Placement(device="auto"), "here").type == "cpu"
    with pytest.raises(ConfigError, match=r"finds no cuda device on this machine\. There are: cpu"):
        find_device(Placement(device="cuda"), "here")
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert find_device(Placement(device="auto"), "here").type == "mps"
    assert find_device(Placement(device="auto", world=2), "here").type == "cpu"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert find_device(Placement(device="auto", world=2, rank=5, local_rank=1), "here") == torch.device("cuda", 1)


def test_float16_needs_a_gpu():
    with pytest.raises(ConfigError, match="float16 needs a GPU"):
        find_device(Placement(device="cpu", precision="float16"), "here")


def test_what_changes_a_result_is_fingerprinted():
    assert set(TrainingTorchBackend.FINGERPRINTED) == {"device", "precision"}
    assert set(TrainingTorchrunBackend.FINGERPRINTED) == {"device", "precision", "nproc_per_node", "nnodes"}
    assert TrainingTorchBackend(device="cpu", precision="bfloat16").placement() == Placement("cpu", "bfloat16")


def test_machines_need_a_place_to_meet():
    wrong = [str(row) for row in TrainingTorchrunBackend(nnodes=2, device="mps").check()]
    assert "several machines need a place to meet" in wrong[0]
    assert "cannot share an mps device" in wrong[1]
    with pytest.raises(ConfigError, match="2 problems"):
        TrainingTorchrunBackend(nnodes=2, device="mps").train(lambda: None)
    with pytest.raises(ConfigError, match="only the training step of a pipeline"):
        TrainingTorchrunBackend().train(lambda: None)


def test_the_launcher_is_told_where_to_meet():
    options = {"job": "/run/r1/t/training/job.json", "nproc_per_node": 2, "nnodes": 1, "max_restarts": 1}
    assert "--standalone" in arguments({**options, "rdzv_endpoint": ""}, 0)
    told = arguments({**options, "nnodes": 2, "rdzv_endpoint": "host:29400"}, 1)
    assert {"--nnodes=2", "--rdzv-endpoint=host:29400", "--node-rank=1", "--rdzv-backend=c10d"} <= set(told)
    assert told[-3:] == ["train", "--job", "/run/r1/t/training/job.json"]


@pytest.mark.parametrize("name", ["Adam", "SGD", "Adagrad", "NAdam", "RMSprop"])
def test_an_optimizer_goes_on_as_it_was_saved(name, tmp_path):
    def made():
        torch.manual_seed(1)
        layer = torch.nn.Linear(3, 2)
        more = {"momentum": 0.9} if name == "SGD" else {}
        return layer, getattr(torch.optim, name)(layer.parameters(), lr=0.1, **more)

    def steps(layer, optimizer, count):
        for number in range(count):
            optimizer.zero_grad()
            layer(torch.full((1, 3), float(number))).sum().backward()
            optimizer.step()

    whole, optimizer = made()
    steps(whole, optimizer, 3)
    save_optimizer(optimizer, tmp_path, {"a": 1})
    weights = {key: value.clone() for key, value in whole.state_dict().items()}
    steps(whole, optimizer, 2)
    other, fresh = made()
    other.load_state_dict(weights)
    assert load_optimizer(fresh, tmp_path) == {"a": 1}
    steps(other, fresh, 2)
    assert torch.equal(whole.weight, other.weight)


def test_a_data_loader_gives_tensors_of_the_batches(tmp_path):
    folder = tmp_path / "train"
    folder.mkdir()
    table = pa.table({"a": np.arange(10, dtype=np.float32), "y": np.arange(10)})
    with pa.OSFile(str(folder / "shard-00000.arrow"), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)
    view = SplitReader(folder, ["y"]).batch_view(4, seed=1)
    loader = data_loader(view, epoch=2)
    batches = list(loader)
    assert len(loader) == len(batches) == 3
    assert all(torch.equal(features[:, 0].long(), labels) for features, labels in batches)
    assert [len(labels) for _, labels in batches] == [4, 4, 2]
