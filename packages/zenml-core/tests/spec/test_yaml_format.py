from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from zenml.errors import SpecError
from zenml.spec.model import ComponentSpec, EnvironmentSpec, PipelineSpec, RunSpec, StepSpec
from zenml.spec.yaml_format import read_yaml, write_documents, write_yaml

text = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=20)
names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,62}", fullmatch=True)
ids = st.from_regex(r"[A-Za-z_][A-Za-z0-9_-]{0,20}", fullmatch=True)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False)
    | text
    | st.sampled_from(
        ["yes", "no", "on", "null", "~", "1e-3", "0x1F", "0o7", "012", "12:30", "2020-01-01", "=", "<<", ".5"]
    ),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4),
    max_leaves=10,
)
components = st.builds(ComponentSpec, type=text.filter(bool), config=st.dictionaries(text, json_values, max_size=4))


@st.composite
def specs(draw: st.DrawFn) -> PipelineSpec:
    step_ids = draw(st.lists(ids, unique=True, max_size=4))
    steps = [
        StepSpec(
            id=step_id,
            type=draw(text.filter(bool)),
            config=draw(st.dictionaries(text, json_values, max_size=4)),
            inputs=draw(st.dictionaries(ids, st.just("data.examples"), max_size=2)),
            backend=draw(st.none() | components),
        )
        for step_id in step_ids
    ]
    return PipelineSpec(
        type=draw(st.sampled_from(["TrainingPipeline", "Pipeline"])),
        name=draw(names),
        seed=draw(st.integers(0, 2**63 - 1)),
        steps=steps,
        environment=draw(
            st.builds(
                EnvironmentSpec,
                python=st.none() | st.sampled_from(["3.11", "3.10"]),
                source_roots=st.lists(text, max_size=3),
                requirements=st.lists(text, max_size=3),
                install=st.sampled_from(["never", "missing"]),
            )
        ),
        run=draw(st.builds(RunSpec, backend=st.none() | components, artifact_store=st.none() | text)),
    )


@given(specs())
def test_a_spec_survives_yaml_and_its_yaml_is_a_fixed_point(spec: PipelineSpec) -> None:
    written = write_yaml(spec)
    again, _ = read_yaml(written)
    assert again == spec
    assert write_yaml(again) == written


HEAD = "zenml: 1\nname: Quickstart\nsteps:\n"


def problems_of(yaml_text: str) -> list[str]:
    with pytest.raises(SpecError) as caught:
        read_yaml(yaml_text, "p.yaml")
    return [str(problem) for problem in caught.value.problems]


def test_all_problems_are_told_at_once_with_their_lines() -> None:
    found = problems_of(
        HEAD + "  - id: data\n    typ: CSVDatasource\n  - {id: 1st, type: X}\nsed: 3\nrun: {backend: {tpe: Y}}\n"
    )
    assert found == [
        "p.yaml:4: steps[0]: the key 'type' is missing",
        "p.yaml:5: steps[0].typ: unknown key 'typ'. Did you mean type?",
        *[row for row in found if row.startswith("p.yaml:6: steps[1].id")],
        "p.yaml:8: run.backend: the key 'type' is missing",
        "p.yaml:8: run.backend.tpe: unknown key 'tpe'. Did you mean type?",
        "p.yaml:7: sed: unknown key 'sed'. Did you mean seed?",
    ]
    assert len(found) == 6


def test_a_newer_format_version_is_the_one_problem() -> None:
    (found,) = problems_of("zenml: 99\nname: X\nfuture_key: 1\n")
    assert found.startswith("p.yaml:1: zenml: this file has format version 99; this ZenML reads up to 1")


@pytest.mark.parametrize(
    ("broken", "expected"),
    [
        ("name: X\nsteps: []\n", "the format version is missing"),
        ("- a\n- b\n", "a pipeline spec is a mapping"),
        ("", "a pipeline spec is a mapping"),
        ("zenml: 1\nname: X\nname: Y\n", "p.yaml:3: name: the key 'name' stands twice"),
        ("zenml: 1\nname: [\n", "not valid YAML"),
        ("zenml: 1\nname: -x\n", "a pipeline name begins with a letter or digit"),
        ("zenml: 0\nname: x\n", "format version 0 is not known"),
        (HEAD + "  - {id: a, type: X}\n  - {id: a, type: X}\n", "two steps have the same id: a"),
        (HEAD + "  - {id: a, type: X, inputs: {examples: data}}\n", "must name STEP.OUTPUT"),
        ("zenml: 1\nname: x\nsteps: !!python/object:os.system {}\n", "not valid YAML"),
    ],
)
def test_each_mistake_has_its_message(broken: str, expected: str) -> None:
    assert any(expected in row for row in problems_of(broken)), problems_of(broken)


def test_scalars_follow_the_core_schema() -> None:
    spec, _ = read_yaml(
        HEAD + "  - {id: a, type: X, config: {a: 1e-3, b: yes, c: 0x1F, d: 12:30, e: 2020-01-01, f: ~}}\n"
    )
    assert spec.steps[0].config == {"a": 0.001, "b": "yes", "c": 31, "d": "12:30", "e": "2020-01-01", "f": None}


def test_documents_for_people_hold_lines_as_lines_and_name_nothing_by_number() -> None:
    labels = {"run": "r1"}
    documents = [{"labels": labels, "script": "#!/bin/sh\nexit 0\n"}, {"labels": labels, "again": labels}]
    text = write_documents(documents)
    assert "script: |\n  #!/bin/sh\n  exit 0\n" in text
    assert "&" not in text
    assert "*" not in text
    assert list(yaml.safe_load_all(text)) == documents
