"""TorchBaseTrainerStep: the base of trainers of a PyTorch model."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from zenml.errors import ConfigError, DataError
from zenml.steps.trainer.batches import Arrays
from zenml.steps.trainer.bundle import Bundle, write_json
from zenml.steps.trainer.faults import memory_watched
from zenml.steps.trainer.names import LAST
from zenml.steps.trainer.network import NetworkTrainer
from zenml.steps.trainer.objective import Objective
from zenml.steps.trainer.prediction import LabelInfo, Predictor
from zenml.steps.trainer.training import Training

if TYPE_CHECKING:
    from zenml_pytorch.learner import TorchLearner

NETWORK_FILE = "network.json"


class TorchBaseTrainerStep(NetworkTrainer):
    """Train a PyTorch model of your own: subclass this and implement `model_fn`.

    What a network trainer needs is here: batches, seeds, class weights, metrics, early stopping, checkpoints, resuming,
    several processes, mixed precision, weights as safetensors and an exported program. Declare further parameters of
    the model as annotated fields.

    Args:
        export: write the exported program of the model, `program.pt2`, which other servers of PyTorch take.
        batch_size, lr, epochs, loss, metrics, optimizer: see `NetworkTrainer`, as for all that is not named here.
    """

    FRAMEWORK = "torch"
    VERSIONED_BY: ClassVar[tuple[str, ...]] = ("torch",)

    export: bool = True

    @abstractmethod
    def model_fn(self, inputs: int, outputs: int) -> Any:
        """Return the model, a `torch.nn.Module`.

        It is called to train and again to predict, and must give a model of the same shape for the same fields and
        arguments. Initial weights come from PyTorch's generator, which is seeded.

        Args:
            inputs: columns of the features, float32 (rows, inputs).
            outputs: how many numbers to give for a row, before the last activation (as PyTorch's losses want it): one
                per class, or one per label.
        """

    def optimizer_fn(self, parameters: Iterable[Any], device: Any) -> Any:
        """Return the optimizer; override it for one of your own.

        Args:
            parameters: those of the model.
            device: where they are, a `torch.device`.
        """
        from zenml_pytorch.optimizers import make_optimizer

        return make_optimizer(self.optimizer, parameters, self.lr, device)

    def train_epoch(self, learner: TorchLearner, epoch: int, batches: Iterator[Arrays]) -> float:
        """Train for an epoch and return the mean loss; override it for a loop of your own.

        Draw what is random from PyTorch's generator, which is seeded for each epoch, so that a resumed training gives
        the same model.

        Args:
            learner: has the `network`, the `optimizer` and the `device`, and does a step: `learner.step(loss)`.
            epoch: its number, from 1.
            batches: NumPy arrays (features, targets[, weights]); `learner.tensor` makes tensors of them.
        """
        return learner.take_steps(batches)

    def last_activation_of(self, objective: Objective) -> str:
        """Return the activation of the outputs: the one that goes with the loss."""
        return LAST[objective.kind][0]

    def shape(self, training: Training, objective: Objective) -> tuple[int, int]:
        """Return how many columns the features have, and how many numbers the model gives for a row."""
        return training.train.width, objective.outputs

    def fit(self, training: Training) -> Sequence[LabelInfo]:
        """Train, then write weights, the shape of the network, and the exported program."""
        import torch

        from zenml_pytorch import persistence, processes
        from zenml_pytorch.devices import find_device

        objective = self.objective(training)
        inputs, outputs = self.shape(training, objective)
        activation = self.last_activation_of(objective)
        place = training.placement
        device = find_device(place, training.name)
        if device.type == "cpu" and torch.cuda.is_available() and place.rank == 0:
            training.report.log("there is a GPU that is not used; with_backend(TrainingTorchBackend()) would")
        threads = torch.get_num_threads()
        torch.set_num_threads(self.threads)
        try:
            with torch.random.fork_rng(), processes.joined(place, device):
                torch.manual_seed(training.seed)
                network = self._network(inputs, outputs).to(device)
                self._refuse_misfit(network, inputs, device, objective, training)
                with memory_watched(self.batch_size, training.name, (torch.OutOfMemoryError,)):
                    learner = self._learn(training, objective, network, activation, device)
        finally:
            torch.set_num_threads(threads)
        if place.rank:
            return objective.labels
        network = learner.network.cpu().eval()
        persistence.save_weights(network, training.folder)
        shape = {"loss": objective.loss, "inputs": inputs, "outputs": outputs, "last_activation": activation}
        write_json(training.folder / NETWORK_FILE, shape)
        if self.export:
            self._export(torch.nn.Sequential(network, learner.last.cpu()), inputs, training)
        return objective.labels

    @classmethod
    def load_bundle(cls, bundle: Bundle) -> Predictor:
        """Make the network from the bundle's fields and give it the weights; nothing is unpickled."""
        from zenml_pytorch.predictor import TorchPredictor

        file = bundle.model_folder / NETWORK_FILE
        try:
            shape = json.loads(file.read_bytes())
            inputs, outputs = int(shape["inputs"]), int(shape["outputs"])
            loss, activation = str(shape["loss"]), str(shape["last_activation"])
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise DataError(f"the model is damaged ({type(error).__name__}: {error})", str(file)) from error
        trainer = cls(**bundle.parameters)
        network = trainer._network(inputs, outputs)
        return TorchPredictor(bundle, network, Objective(loss, bundle.labels), activation, trainer.threads)

    def _network(self, inputs: int, outputs: int) -> Any:
        import torch

        network = self.model_fn(inputs, outputs)
        if not isinstance(network, torch.nn.Module):
            what = f"model_fn returns {type(network).__name__}, and not a torch.nn.Module"
            raise ConfigError(what, type(self).__name__)
        return network

    def _learn(
        self, training: Training, objective: Objective, network: Any, activation: str, device: Any
    ) -> TorchLearner:
        from zenml_pytorch.learner import TorchLearner

        optimizer = self.optimizer_fn(network.parameters(), device)
        learner = TorchLearner(training, objective, network, optimizer, activation, device)
        if type(self).train_epoch is not TorchBaseTrainerStep.train_epoch:
            learner.loop = self.train_epoch
        self.plan(training, objective).run(learner)
        return learner

    def _refuse_misfit(self, network: Any, inputs: int, device: Any, objective: Objective, training: Training) -> None:
        """Find whether the model takes the features and gives what the labels need."""
        import torch

        rows = 2
        try:
            with torch.inference_mode():
                given = network.eval()(torch.zeros(rows, inputs, device=device))
        except RuntimeError as error:
            what = f"the model cannot take {rows} rows of {inputs} features: {str(error).splitlines()[0]}"
            raise ConfigError(what, training.name, f"Let its first layer take {inputs} columns") from error
        shape = tuple(given.shape) if torch.is_tensor(given) else ()
        objective.refuse_output(shape, rows, training.name)

    def _export(self, network: Any, inputs: int, training: Training) -> None:
        from zenml_pytorch.program import PROGRAM_FILE, export_program

        try:
            export_program(network, inputs, training.folder / PROGRAM_FILE)
        except Exception as error:  # noqa: BLE001 - what the exporter cannot take is no fault of the model
            first = str(error).strip().splitlines()[:1]
            training.report.warn(f"the model has no exported program: PyTorch cannot export it ({' '.join(first)})")
