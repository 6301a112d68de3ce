"""The secrets of runs, as encrypted parameters of Systems Manager."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from zenml.errors import Problem, SecretError
from zenml_aws.api_trouble import RefusedError
from zenml_aws.ec2.launch import PARAMETERS, PIPELINE_TAG, parameters_path, tags_in
from zenml_aws.session import Service

_MOST = 8192
_AT_ONCE = 10


class Parameters:
    """The parameters below `/zenml/`.

    Args:
        ssm: the service.
    """

    def __init__(self, ssm: Service) -> None:
        self._ssm = ssm

    def put(self, body: dict[str, Any]) -> None:
        """Write a parameter; one of a try that was cut off, or of an earlier life, is replaced.

        Raises:
            SecretError: the secret is too long.
        """
        if len(body["Value"]) > _MOST:
            name = body["Name"].rpartition("/")[2]
            what = f"the secret of the variable {name} is longer than the {_MOST * 3 // 4} bytes that a parameter holds"
            raise SecretError([Problem(what, "run", "Let the job look it up by itself, as by a file in its image")])
        try:
            self._ssm.call("PutParameter", **body)
        except RefusedError as error:
            if error.code != "ParameterAlreadyExists":
                raise
            again = {key: value for key, value in body.items() if key != "Tags"}  # they are there, and go with no other
            self._ssm.call("PutParameter", **again, Overwrite=True)

    def names(self, run_id: str = "") -> list[str]:
        """Return the names of the parameters of a run, or of all runs."""
        path = parameters_path(run_id) if run_id else PARAMETERS
        where = {"Key": "Path", "Option": "Recursive", "Values": [path]}
        found = self._ssm.all("DescribeParameters", "Parameters", ParameterFilters=[where])
        return sorted(row["Name"] for row in found)

    def pipeline_of(self, name: str) -> str:
        """Return the pipeline that a parameter's tag names, or an empty string."""
        try:
            answer = self._ssm.call("ListTagsForResource", ResourceType="Parameter", ResourceId=name)
        except RefusedError:
            return ""  # it was deleted meanwhile, or one may not look
        return tags_in(answer.get("TagList")).get(PIPELINE_TAG, "")

    def remove(self, run_id: str) -> None:
        """Delete the parameters of a run; no error where there are none."""
        for names in _in_tens(self.names(run_id)):
            self._ssm.call("DeleteParameters", Names=names)


def _in_tens(names: list[str]) -> Iterator[list[str]]:
    for first in range(0, len(names), _AT_ONCE):
        yield names[first : first + _AT_ONCE]
