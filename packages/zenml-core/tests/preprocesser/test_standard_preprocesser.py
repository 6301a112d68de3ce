"""StandardPreprocesser: what it makes of a table, what it refuses, and that no engine changes a byte of it."""

from __future__ import annotations

import hashlib
import json
import sys
from base64 import b64encode
from io import BytesIO
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from PIL import Image
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from zenml.data.snapshot import Snapshot
from zenml.errors import ConfigError, DataError
from zenml.runtime.processing_base import ProcessingBaseBackend
from zenml.runtime.worker_pool import POOL
from zenml.steps.base import Wired
from zenml.steps.preprocesser import StandardPreprocesser, applying
from zenml.steps.split.no_split import NoSplit
from zenml.steps.split.random_split import RandomSplit
from zenml.testing.hostile import HostileProcessingBackend


def mixed(rows: int, seed: int = 0, gaps: float = 0.1) -> pa.Table:
    draw = np.random.default_rng(seed)

    def column(values: Any, missing: float = gaps) -> pa.Array:
        return pa.array(values, mask=draw.random(rows) < missing)

    return pa.table(
        {
            "age": column(draw.integers(18, 90, rows)),
            "income": column(draw.integers(0, 1 << 20, rows) / 64),
            "city": column(draw.choice(["Oslo", "Zürich", "Lima"], rows)),
            "member": column(draw.random(rows) < 0.3),
            "churned": column(draw.choice(["no", "yes"], rows), missing=gaps / 2),
        }
    )


def test_all_columns_are_features_by_default_and_agree_with_scikit_learn(snapshot: Any, preprocess: Any) -> None:
    train, evaluation = mixed(3000), mixed(500, seed=1)
    done = preprocess(snapshot(train=train, eval=evaluation, rows=700), StandardPreprocesser(labels=["churned"]))
    numbers = SimpleImputer(strategy="median"), SimpleImputer(strategy="mean")
    reference = ColumnTransformer(
        [
            ("age", make_pipeline(numbers[0], StandardScaler()), [0]),
            ("income", make_pipeline(numbers[1], StandardScaler()), [1]),
            ("city", make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(sparse_output=False)), [2]),
            ("member", SimpleImputer(strategy="most_frequent"), [3]),
        ]
    )

    def features(table: pa.Table) -> np.ndarray[Any, Any]:
        cells = [
            [np.nan if cell is None else cell for cell in table[name].to_pylist()] for name in table.schema.names[:4]
        ]
        cells[3] = [cell if isinstance(cell, float) else float(cell) for cell in cells[3]]
        return np.array(cells, object).T

    reference.fit(features(train))
    for split, table in (("train", train), ("eval", evaluation)):
        known = table["churned"].is_valid().to_numpy()
        found = done.table(split)
        (batch,) = found.combine_chunks().to_batches()
        wanted = np.asarray(reference.transform(features(table)), np.float64)[known]
        np.testing.assert_allclose(done.fitted.matrix(batch), wanted, rtol=1e-5, atol=1e-6)
        classes = [["no", "yes"].index(value) for value in table["churned"].to_pylist() if value is not None]
        assert found["churned"].to_pylist() == classes
        assert done.properties["splits"][split]["rows"] == len(classes)
        assert sum(done.properties["splits"][split]["shards"]) == len(classes)
        assert done.properties["splits"][split]["left_out"] == table.num_rows - len(classes) > 0
    assert done.fitted.label_values("churned") == ["no", "yes"]
    assert done.fitted.example[0].keys() == {"age", "income", "city", "member"}
    assert len(done.fitted.example) == 3


def test_rows_without_a_label_are_left_out_and_told(snapshot: Any, preprocess: Any) -> None:
    table = pa.table({"x": [1.0, 2.0, 3.0, 4.0], "a": [1, None, 0, 1], "b": [0.5, 1.0, float("nan"), 2.0]})
    done = preprocess(snapshot(train=table), StandardPreprocesser(features=["x"], labels=["a", "b"]))
    assert done.table("train")["a"].to_pylist() == [1, 1]
    assert done.table("train")["b"].to_pylist() == [0.5, 2.0]
    assert done.warnings == ["split train: 2 of 4 rows are left out, as they lack a value of a or b"]
    assert done.properties == {"splits": {"train": {"shards": [2], "rows": 2, "left_out": 2}}}


def test_classes_that_the_training_rows_lack_are_told(snapshot: Any, preprocess: Any) -> None:
    train = pa.table({"x": [1.0, 2.0], "y": ["a", "b"]})
    evaluation = pa.table({"x": [1.0, 2.0], "y": ["c", "b"]})
    done = preprocess(snapshot(train=train, eval=evaluation), StandardPreprocesser(labels=["y"]))
    assert done.table("eval")["y"].to_pylist() == [-1, 1]
    assert done.warnings == ["split eval: 1 row has a class of y that split train lacks"]


def test_overwriting_a_column_replaces_its_default(snapshot: Any, preprocess: Any) -> None:
    step = StandardPreprocesser(
        features=["income", "city"],
        labels=["churned"],
        overwrite={
            "income": {
                "filling": [{"method": "constant", "parameters": {"value": 0}}],
                "transform": [{"method": "scale_by_min_max", "parameters": {"min": -1, "max": 1}}],
            },
            "city": {"transform": [{"method": "compute_and_apply_vocabulary", "parameters": {"top_k": 2}}]},
        },
    )
    table = mixed(400)
    done = preprocess(snapshot(train=table), step)
    assert done.fitted.column_names == ["income", "city"]
    known = table.filter(table["churned"].is_valid())
    filled = table["income"].fill_null(0).to_numpy()
    wanted = known["income"].fill_null(0).to_numpy() / filled.max() * 2 - 1
    np.testing.assert_allclose(done.table("train")["income"].to_numpy(), wanted, atol=1e-6)
    assert set(done.table("train")["city"].to_pylist()) == {-1.0, 0.0, 1.0}
    assert StandardPreprocesser(**step.model_dump(mode="json", exclude_defaults=True)) == step


def test_it_works_without_labels(snapshot: Any, preprocess: Any) -> None:
    done = preprocess(snapshot(train=mixed(50)), StandardPreprocesser())
    assert done.fitted.labels == {}
    assert done.table("train").num_rows == 50
    assert done.warnings == []


def test_every_problem_with_the_columns_is_found_at_once(snapshot: Any, preprocess: Any) -> None:
    table = pa.table(
        {
            "age": [1, 2],
            "empty": pa.array([None, float("nan")], pa.float64()),
            "name": ["a", "b"],
            "same": ["yes", "yes"],
            "never": pa.nulls(2, pa.utf8()),
        }
    )
    step = StandardPreprocesser(
        features=["agee", "age", "empty", "name", "same"],
        labels=["same", "never", "lable"],
        overwrite={"nam": {}, "name": {"transform": [{"method": "scale_to_z_score"}]}},
    )
    with pytest.raises(DataError) as caught:
        preprocess(snapshot(train=table), step)
    text = str(caught.value)
    assert "features: there is no column 'agee' in the data. Did you mean age?" in text
    assert "labels: there is no column 'lable' in the data" in text
    assert "overwrite: there is no column 'nam' in the data. Did you mean name?" in text
    assert "features: column 'same' is also a label" in text
    assert "feature 'empty': there is no value at all in the 2 rows of the split train" in text
    assert "label 'never': there is no value at all" in text
    assert "label 'same': there is only one value, 'yes', in the 2 rows" in text
    assert "feature 'name': scale_to_z_score takes float and integer values, not string ones" in text
    assert len(caught.value.problems) == 8


def test_columns_that_cannot_be_learned_from_are_named(snapshot: Any, preprocess: Any) -> None:
    table = pa.table({"id": [f"row {n}" for n in range(1100)], "y": [n % 2 for n in range(1100)]})
    step = StandardPreprocesser(labels=["y"], overwrite={"id": {"transform": [{"method": "one_hot_encode"}]}})
    with pytest.raises(DataError, match="feature 'id': 1,100 distinct values would make as many columns"):
        preprocess(snapshot(train=table), step)


@pytest.mark.parametrize(("distinct", "hashed"), [(256, False), (257, True), (6000, True)])
def test_a_feature_of_many_distinct_strings_is_hashed_by_default(
    snapshot: Any, preprocess: Any, distinct: int, hashed: bool
) -> None:
    words = [f"row {number}" for number in range(distinct)]
    table = pa.table({"id": [*words, None], "y": [number % 2 for number in range(distinct + 1)]})
    done = preprocess(snapshot(train=table), StandardPreprocesser(labels=["y"]))
    (row, *_) = json.loads((done.transform / "transform.json").read_text())["features"]
    methods = [step.get("filling") or step["transform"] for step in row["steps"]]
    assert methods == (["constant", "hash_strings"] if hashed else ["mode", "one_hot_encode"])
    assert len(done.fitted.column_names) == 256
    vectors = done.table("train")["id"].combine_chunks().flatten().to_numpy().reshape(distinct + 1, 256)
    assert (vectors.sum(1) == 1).all()


def test_it_describes_what_it_does_with_each_column(snapshot: Any) -> None:
    table = mixed(400).append_column("id", pa.array([f"<{number}>" for number in range(400)]))
    source = Snapshot.of(snapshot(train=table))
    step = StandardPreprocesser(
        labels=["churned"],
        overwrite={
            "age": {"transform": [{"method": "log", "parameters": {"offset": 2}}, {"method": "scale_to_z_score"}]},
            "member": {"filling": [], "transform": [{"method": "no_transform"}]},
        },
        groups={"who": {"features": ["age", "income"], "method": "pca", "parameters": {"n_components": 1}}},
    )
    lines = str(step.describe(source.schema, source.statistics("train"))).splitlines()
    cells = [[cell for cell in line.split("  ") if cell] for line in lines]
    cells = [[cell.strip() for cell in row] for row in cells]
    assert cells == [
        ["column", "type", "distinct", "role", "filling", "transform", "chosen"],
        ["age", "integer", "72", "feature", "median", "log(offset=2.0), scale_to_z_score", "mixed"],
        ["income", "float", cells[2][2], "feature", "mean", "scale_to_z_score", "default"],
        ["city", "string", "3", "feature", "mode", "one_hot_encode", "default"],
        ["member", "boolean", "2", "feature", "no_transform", "asked"],
        [
            *["id", "string", "400", "feature"],
            "constant(value='')",
            "hash_strings(num_buckets=256, one_hot=True)",
            "default",
        ],
        ["churned", "string", "2", "label", "compute_and_apply_vocabulary", "default"],
        ["who", "vector", "group", "pca(n_components=1)", "asked"],
    ]
    plain = step.describe(source.schema)
    assert "one_hot_encode" in str(plain).splitlines()[5]
    assert (
        "<td>constant(value=&#x27;&#x27;)</td>"
        in step.describe(source.schema, source.statistics("train"))._repr_html_()
    )
    wrong = StandardPreprocesser(features=["agee"], groups=step.groups)
    with pytest.raises(DataError, match="no column 'agee'"):
        wrong.describe(source.schema)


def test_a_split_to_learn_from_is_needed(snapshot: Any, preprocess: Any) -> None:
    with pytest.raises(DataError, match="there is no split named train to learn from"):
        preprocess(snapshot(all=mixed(10)), StandardPreprocesser())
    with pytest.raises(DataError, match="split 'train' has no rows"):
        preprocess(snapshot(train=mixed(0), eval=mixed(3)), StandardPreprocesser())


def test_an_empty_split_beside_train_gives_an_empty_table(snapshot: Any, preprocess: Any) -> None:
    done = preprocess(snapshot(train=mixed(30), eval=mixed(0)), StandardPreprocesser(labels=["churned"]))
    assert done.table("eval").num_rows == 0
    assert done.properties["splits"]["eval"] == {"shards": [0], "rows": 0, "left_out": 0}


def test_what_needs_no_data_is_checked_before_anything_runs() -> None:
    step = StandardPreprocesser(features=["a", "b"], labels=["b"])
    wired = {"examples": Wired("split", RandomSplit(split_map={"fit": 0.5, "eval": 0.5}), {})}
    text = "\n".join(map(str, step.check(wired)))
    assert "there is no split named train to learn from. The splits are: " in text
    assert "StandardPreprocesser.features: column 'b' is both a feature and a label" in text
    assert list(StandardPreprocesser(labels=["b"]).check({"examples": Wired("split", NoSplit(), {})})) == []
    assert list(StandardPreprocesser().check({})) == []


def test_every_problem_with_the_methods_is_found_when_the_step_is_made() -> None:
    with pytest.raises(ConfigError) as caught:
        StandardPreprocesser(
            overwrite={
                "a": {"filling": [{"method": "meen"}], "transform": [{"method": "scale_to_zscore"}]},
                "b": {
                    "transform": [
                        {"method": "scale_by_min_max", "parameters": {"mim": 0, "max": "1"}},
                        {"method": "scale_by_min_max", "parameters": {"min": 2}},
                        {"method": "one_hot_encode", "parameters": {"top_k": 0}},
                    ]
                },
                "c": {"filling": [{"method": "constant"}], "fillling": []},
                "d": {"transform": [{"method": "xyz"}]},
            }
        )
    text = str(caught.value)
    assert "overwrite.a.filling.0: there is no filling 'meen'. Did you mean mean?" in text
    assert "overwrite.a.transform.0: there is no transform 'scale_to_zscore'. Did you mean scale_to_z_score?" in text
    assert "scale_by_min_max.mim: unknown parameter. Did you mean min?" in text
    assert "scale_by_min_max.max: Input should be a valid number" in text
    assert "min is 2 and max is 1, but min must be below max" in text
    assert "one_hot_encode.top_k" in text
    assert "constant.value: a value is required" in text
    assert "overwrite.c.fillling: unknown parameter" in text
    assert "there is no transform 'xyz'. Known: scale_to_z_score, scale_by_min_max" in text
    assert len(caught.value.problems) == 8


@pytest.mark.parametrize(
    "engine",
    [HostileProcessingBackend(seed=1), HostileProcessingBackend(seed=2, processes=1), ProcessingBaseBackend(workers=2)],
    ids=["hostile", "hostile-1", "local"],
)
def test_every_engine_gives_the_same_bytes(snapshot: Any, preprocess: Any, files_of: Any, engine: Any) -> None:
    examples = snapshot(train=mixed(2000), eval=mixed(300, seed=1), rows=450)
    step = StandardPreprocesser(labels=["churned"])
    plain, other = preprocess(examples, step), preprocess(examples, step, engine)
    assert files_of(other.transform) == files_of(plain.transform)
    assert files_of(other.examples) == files_of(plain.examples)
    assert other.properties == plain.properties
    assert other.warnings == plain.warnings


def test_the_golden_output_changes_only_with_the_cache_version(snapshot: Any, preprocess: Any) -> None:
    """Where this fails on purpose, raise CACHE_VERSION, so that no stale output is taken from a cache."""
    # Shards of three rows leave no sum whose order of addition could differ between processors.
    table = pa.table(
        {
            "age": [20, None, 40, 30, 30, 60, 20, 50],
            "income": [1.5, 2.25, None, 8.0, 4.5, 0.25, 16.0, 3.5],
            "city": ["b", "a", None, "b", "ü", "a", "b", ""],
            "code": [3, 1, 3, None, 2, 2, 3, 1],
            "member": [True, False, None, True, True, False, True, True],
            "words": ["one two", "two", None, "", "three one", "two one", "two", "one"],
            "when": pa.array([0, 10, 70000, 40, 86400, 99, 1, 2], pa.timestamp("s")).cast(pa.timestamp("us")),
            "tag": ["b", "a", None, "b", "ü", "a", "b", ""],
            "spent": [1, 3, None, 8, 50, 2, 2, 1],
            "label": ["x", "y", "x", None, "z", "x", "y", "x"],
        }
    )
    step = StandardPreprocesser(
        labels=["label"],
        overwrite={
            "income": {"filling": [{"method": "max"}], "transform": [{"method": "scale_by_min_max"}]},
            "code": {"transform": [{"method": "one_hot_encode", "parameters": {"num_oov_buckets": 2, "top_k": 1}}]},
            "spent": {"transform": [{"method": "clip", "parameters": {"max": 10}}, {"method": "scale_to_0_1"}]},
            "words": {"transform": [{"method": "tfidf", "parameters": {"top_k": 2, "max_words": 2}}]},
            "when": {"transform": [{"method": "date_part", "parameters": {"part": "day"}}]},
            "tag": {"transform": [{"method": "hash_strings", "parameters": {"num_buckets": 5, "one_hot": True}}]},
        },
    )
    done = preprocess(snapshot(train=table, rows=3), step)
    digest = hashlib.sha256()
    (batch,) = done.table("train").combine_chunks().to_batches()
    digest.update(done.fitted.matrix(batch).tobytes())
    digest.update(batch.column("label").to_numpy().tobytes())
    digest.update((done.transform / "transform.json").read_bytes())
    digest.update(repr(done.fitted.column_names).encode())
    assert (step.CACHE_VERSION, digest.hexdigest()[:16]) == (2, "2d3651d5e142a241")


def test_chains_are_fitted_in_as_few_passes_as_they_need(snapshot: Any, preprocess: Any) -> None:
    table = mixed(900).append_column("when", pa.array(range(900), pa.timestamp("s")).cast(pa.timestamp("us")))
    one_pass = {
        "income": {"transform": [{"method": "log"}, {"method": "scale_to_z_score"}]},
        "age": {"transform": [{"method": "bucketize", "parameters": {"num_buckets": 4}}, {"method": "one_hot_encode"}]},
        "when": {"transform": [{"method": "date_part", "parameters": {"part": "minute", "cyclic": True}}]},
    }
    done = preprocess(snapshot(train=table, rows=200), StandardPreprocesser(labels=["churned"], overwrite=one_pass))
    assert done.jobs == ["analyse rows", "transform rows"]
    assert done.fitted.features["when"] == "timestamp"
    assert done.fitted.example[1]["when"] == "1970-01-01T00:00:01"
    known = table["churned"].is_valid().to_numpy()
    income = np.log1p(np.nan_to_num(table["income"].to_numpy(), nan=pc.mean(table["income"]).as_py()))
    wanted = (income - income.mean()) / income.std()
    np.testing.assert_allclose(done.table("train")["income"].to_numpy(), wanted[known], rtol=1e-5, atol=1e-6)
    again = [{"method": name} for name in ("scale_to_0_1", "log", "scale_to_z_score")]
    more = StandardPreprocesser(labels=["churned"], overwrite={**one_pass, "income": {"transform": again}})
    twice = preprocess(snapshot(train=table, rows=200), more)
    assert twice.jobs == ["analyse rows", "analyse rows", "transform rows"]
    low, high = pc.min_max(table["income"]).as_py().values()
    filled = np.nan_to_num(table["income"].to_numpy(), nan=pc.mean(table["income"]).as_py())
    scaled = np.log1p((filled - low) / (high - low))
    wanted = (scaled - scaled.mean()) / scaled.std()
    np.testing.assert_allclose(twice.table("train")["income"].to_numpy(), wanted[known], rtol=1e-5, atol=1e-6)
    for engine in (HostileProcessingBackend(seed=4), ProcessingBaseBackend(workers=2)):
        other = preprocess(snapshot(train=table, rows=200), more, engine)
        assert (other.transform / "transform.json").read_bytes() == (twice.transform / "transform.json").read_bytes()


def test_a_text_that_is_no_date_stops_the_step(snapshot: Any, preprocess: Any) -> None:
    table = pa.table({"when": ["2026-01-01", "2026-01-32"], "x": [1.0, 2.0]})
    for more in ([], [{"method": "one_hot_encode"}]):
        transform = [{"method": "date_part", "parameters": {"part": "day"}}, *more]
        step = StandardPreprocesser(overwrite={"when": {"filling": [], "transform": transform}})
        with pytest.raises(DataError, match=r"when'?: '2026-01-32' is no date"):
            preprocess(snapshot(train=table), step)


OWN = """
import pyarrow.compute as pc
from zenml.data.transforms import CustomTransform, ValueType

class FromLowest(CustomTransform):
    GIVES = ValueType.FLOAT

    step: float = 1.0

    def update(self, state, values):
        lowest = pc.min(values).as_py()
        return {"lowest": min(state.get("lowest", lowest), lowest)}

    def merge(self, state, other):
        return {"lowest": min(state["lowest"], other["lowest"])}

    def apply(self, values, learned):
        return pc.divide(pc.cast(pc.subtract(values, learned["lowest"]), "double"), self.step)
"""


def test_a_users_own_transform_is_learned_by_every_engine_in_the_same_pass(
    project: Any, snapshot: Any, preprocess: Any
) -> None:
    (project / "own_steps_for_tests.py").write_text(OWN)
    sys.path.insert(0, str(project))
    method = {"method": "own_steps_for_tests:FromLowest", "parameters": {"step": 2}}
    step = StandardPreprocesser(labels=["churned"], overwrite={"age": {"transform": [method]}})
    (kind,) = step.code_classes()
    assert kind.__name__ == "FromLowest"
    table = mixed(1000)
    examples = snapshot(train=table, rows=300)
    done = preprocess(examples, step)
    assert done.jobs == ["analyse rows", "transform rows"]
    ages = table["age"].filter(table["churned"].is_valid())
    wanted = (ages.cast("double").fill_null(pc.quantile(table["age"], 0.5)[0].as_py()).to_numpy() - 18) / 2
    np.testing.assert_allclose(done.table("train")["age"].to_numpy(), wanted, rtol=1e-6)
    for engine in (HostileProcessingBackend(seed=4), ProcessingBaseBackend(workers=2)):
        POOL.close()  # workers of earlier tests do not know this one's folder
        other = preprocess(examples, step, engine)
        assert (other.transform / "transform.json").read_bytes() == (done.transform / "transform.json").read_bytes()
        assert other.table("train").equals(done.table("train"))


def test_every_problem_with_a_users_own_transform_is_found_when_the_step_is_made(project: Any) -> None:
    (project / "own_broken_for_tests.py").write_text(OWN)
    sys.path.insert(0, str(project))
    methods = [
        {"method": "own_broken_for_tests:FromLowst"},
        {"method": "own_broken_for_tests:FromLowest", "parameters": {"stepp": 2.0}},
        {"method": "nowhere_for_tests:X"},
    ]
    with pytest.raises(ConfigError) as caught:
        StandardPreprocesser(overwrite={"age": {"transform": methods}})
    text = str(caught.value)
    assert "own_broken_for_tests has no FromLowst. Did you mean FromLowest?" in text
    assert "unknown parameter. Did you mean step?" in text
    assert "there is no module nowhere_for_tests" in text


def test_a_group_is_learned_in_one_more_pass_with_the_same_bytes_on_every_engine(
    snapshot: Any, preprocess: Any, files_of: Any
) -> None:
    group = {"features": ["age", "income", "member"], "method": "pca", "parameters": {"n_components": 2}}
    step = StandardPreprocesser(labels=["churned"], groups={"who": group})
    table = mixed(2000)
    examples = snapshot(train=table, eval=mixed(200, seed=1), rows=450)
    done = preprocess(examples, step)
    assert done.jobs == ["analyse rows", "analyse groups", "transform rows"]
    plain = preprocess(examples, StandardPreprocesser(labels=["churned"]))
    (batch,) = preprocess(snapshot(train=table), StandardPreprocesser()).table("train").combine_chunks().to_batches()
    columns = np.stack([batch.column(name).to_numpy() for name in group["features"]], axis=1).astype(np.float64)
    known = table["churned"].is_valid().to_numpy()
    wanted = PCA(2, svd_solver="full").fit(columns).transform(columns)[known]
    found = done.table("train")["who"].combine_chunks().flatten().to_numpy().reshape(-1, 2)
    np.testing.assert_allclose(found, wanted, atol=1e-5)
    assert done.table("train").column_names == ["city", "who", "churned"]
    assert done.table("train")["city"].equals(plain.table("train")["city"])
    assert StandardPreprocesser.from_config(step.to_config()) == step
    for engine in (HostileProcessingBackend(seed=3), ProcessingBaseBackend(workers=2)):
        other = preprocess(examples, step, engine)
        assert files_of(other.transform) == files_of(done.transform)
        assert files_of(other.examples) == files_of(done.examples)


def test_problems_with_groups_are_told(snapshot: Any, preprocess: Any) -> None:
    group = {"features": ["city", "nobody"], "method": "pca", "parameters": {"n_components": 1}}
    with pytest.raises(DataError, match="comes out as a vector") as caught:
        preprocess(snapshot(train=mixed(20)), StandardPreprocesser(groups={"g": group}))
    assert len(caught.value.problems) == 2
    one = {"features": ["age", "income"], "method": "pca", "parameters": {"n_components": 1}}
    empty = {name: {"filling": [], "transform": []} for name in ("age", "income")}
    table = pa.table({"age": [1.0, None], "income": [None, 2.0], "x": [1, 2]})
    with pytest.raises(DataError, match="group 'g': there are fewer than two rows"):
        preprocess(snapshot(train=table), StandardPreprocesser(groups={"g": one}, overwrite=empty))
    with pytest.raises(ConfigError, match=r"no transform of a group 'pcaa'\. Did you mean pca"):
        StandardPreprocesser(groups={"g": {**one, "method": "pcaa"}})


def test_wide_rows_are_written_in_batches_of_bounded_size(snapshot: Any, preprocess: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(applying, "_BATCH_BYTES", 4 * 4 * 10)
    table = pa.table({"word": ["a", "b", "c", "d"] * 25})
    done = preprocess(snapshot(train=table), StandardPreprocesser())
    with pa.ipc.open_file(done.examples / "train" / "shard-00000.arrow") as reader:
        assert [reader.get_batch(number).num_rows for number in range(reader.num_record_batches)] == [10] * 10
    assert done.table("train").num_rows == 100


def test_the_example_holds_what_json_can_hold(snapshot: Any, preprocess: Any) -> None:
    out = BytesIO()
    Image.new("L", (2, 1), 255).save(out, "png")
    table = pa.table({"image": [out.getvalue(), None], "x": [float("inf"), 1.0]})
    load = [{"method": "load_binary_image", "parameters": {"height": 1, "width": 2, "channels": 1}}]
    done = preprocess(snapshot(train=table), StandardPreprocesser(overwrite={"image": {"transform": load}}))
    assert done.fitted.example == (
        {"image": b64encode(out.getvalue()).decode(), "x": None},
        {"image": None, "x": 1.0},
    )
    assert done.table("train")["image"].to_pylist()[0] == [1, 1]
