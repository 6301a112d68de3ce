"""The JSON Schema of a spec, for editors that complete and check pipeline files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zenml.spec.component import Component
from zenml.spec.model import PipelineSpec


def json_schema(steps: Mapping[str, type[Component]], backends: Mapping[str, type[Component]]) -> dict[str, Any]:
    """Return the schema (JSON Schema 2020-12) of a pipeline file.

    Args:
        steps: step and datasource classes by registry name, whose config is described too.
        backends: backend classes by registry name, likewise.
    """
    schema = PipelineSpec.model_json_schema()
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
    definitions = schema["$defs"]
    for target, classes in (("StepSpec", steps), ("ComponentSpec", backends)):
        rules = []
        for name, kind in sorted(classes.items()):
            config = kind.model_json_schema(ref_template="#/$defs/{model}")
            definitions.update(config.pop("$defs", {}))
            definitions[f"{name}Config"] = config
            when = {"properties": {"type": {"const": name}}, "required": ["type"]}
            rules.append({"if": when, "then": {"properties": {"config": {"$ref": f"#/$defs/{name}Config"}}}})
        if rules:
            definitions[target]["allOf"] = rules
    return schema
