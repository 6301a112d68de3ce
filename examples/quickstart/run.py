"""Train and evaluate a classifier on the Pima diabetes table: 632 people, 7 measurements, some of them missing."""

from pathlib import Path

from zenml.datasources import CSVDatasource
from zenml.pipelines import TrainingPipeline
from zenml.steps.evaluator import TFMAEvaluator
from zenml.steps.preprocesser import StandardPreprocesser
from zenml.steps.split import RandomSplit
from zenml.steps.trainer import SklearnTrainer

DATA = Path(__file__).parent / "data" / "diabetes.csv"

pipeline = TrainingPipeline(name="Quickstart")
pipeline.add_datasource(CSVDatasource(name="Pima", path=str(DATA)))
pipeline.add_split(RandomSplit(split_map={"train": 0.7, "eval": 0.3}))
pipeline.add_preprocesser(
    StandardPreprocesser(
        features=["times_pregnant", "pgc", "dbp", "tst", "bmi", "pedigree", "age"],
        labels=["has_diabetes"],
    )
)
pipeline.add_trainer(SklearnTrainer(estimator="LogisticRegression", parameters={"C": 0.5}))
pipeline.add_evaluator(
    TFMAEvaluator(
        slices=[["has_diabetes"]],
        metrics={"has_diabetes": ["accuracy", "roc_auc", "log_loss"]},
    )
)

if __name__ == "__main__":
    pipeline.run()
