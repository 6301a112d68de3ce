"""Fleet: the instances and launch templates of runs, in one region."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from zenml.errors import ConfigError
from zenml_aws.api_trouble import RefusedError
from zenml_aws.ec2.launch import DIGEST_TAG, LIFE_TAG, RUN_TAG, launch_body, name_of, tag_rows, tags_in
from zenml_aws.ec2.launch_trouble import in_words
from zenml_aws.session import Service

Body = dict[str, Any]

LIVE = ("pending", "running")
GOING = ("shutting-down", "stopping")
_CALL_AT_ONCE = 100


class Fleet:
    """The instances and launch templates of runs.

    Args:
        ec2: the service.
    """

    def __init__(self, ec2: Service) -> None:
        self._ec2 = ec2

    @property
    def region(self) -> str:
        """The region."""
        return self._ec2.region

    def instances(self, run_id: str = "") -> list[Body]:
        """Return the instances of a run, or of all runs, those that ended of late included; the newest last."""
        tag = {"Name": f"tag:{RUN_TAG}", "Values": [run_id]} if run_id else {"Name": "tag-key", "Values": [RUN_TAG]}
        found = [
            row
            for group in self._ec2.all("DescribeInstances", "Reservations", Filters=[tag])
            for row in group["Instances"]
        ]
        return sorted(found, key=lambda row: (life_of(row), str(row.get("LaunchTime", ""))))

    def templates(self) -> list[Body]:
        """Return the launch templates of all runs."""
        tag = {"Name": "tag-key", "Values": [RUN_TAG]}
        return list(self._ec2.all("DescribeLaunchTemplates", "LaunchTemplates", Filters=[tag]))

    def template(self, run_id: str) -> Body | None:
        """Return the launch template of a run.

        Raises:
            ConfigError: there is one of its name that is not the run's.
        """
        named = {"Name": "launch-template-name", "Values": [name_of(run_id)]}
        found = next(iter(self._ec2.all("DescribeLaunchTemplates", "LaunchTemplates", Filters=[named])), None)
        if found is None:
            return None
        body: Body = found
        if tags_in(body.get("Tags")).get(RUN_TAG) != run_id:
            what = f"there is a launch template {name_of(run_id)} already, which is not of this run"
            raise ConfigError(what, f"EC2 in {self.region}", "Remove it")
        return body

    def make_template(self, run_id: str, body: Body) -> Body:
        """Make the launch template of a run; one that is there already, and launches the same, counts."""
        there = self.template(run_id)
        if there and tags_in(there["Tags"]).get(DIGEST_TAG) != _digest_in(body):
            self.remove_template(run_id)
            there = None
        if there:
            return there
        try:
            made: Body = self._ec2.call("CreateLaunchTemplate", **body)["LaunchTemplate"]
        except RefusedError as error:
            if error.code != "InvalidLaunchTemplateName.AlreadyExistsException":
                raise
            there = self.template(run_id)  # made at the same time, or by a call whose answer was lost
            if there is None:
                raise
            return there
        return made

    def remove_template(self, run_id: str) -> None:
        """Remove the launch template of a run; no error where there is none."""
        there = self.template(run_id)
        if there:
            try:
                self._ec2.call("DeleteLaunchTemplate", LaunchTemplateId=there["LaunchTemplateId"])
            except RefusedError as error:
                if not error.code.startswith("InvalidLaunchTemplate"):
                    raise

    def launch(self, template: Body, life: int) -> Body | None:
        """Launch the so manyth instance of a template; it is made once, whoever asks, and however often.

        Returns:
            The instance, or None where it ended already.
        """
        identity = template["LaunchTemplateId"]
        try:
            made = self._ec2.call("RunInstances", **launch_body(identity, tags_in(template["Tags"]), life))
        except RefusedError as error:
            if error.code != "IdempotentInstanceTerminated":
                raise in_words(error) from error
            made = {"Instances": [None]}
        if life > launched_of(template):
            self._ec2.call("CreateTags", Resources=[identity], Tags=tag_rows({LIFE_TAG: str(life)}))
        instance: Body | None = made["Instances"][0]
        return instance

    def console(self, instance: str) -> str:
        """Return the last 64 KiB of what an instance wrote to its console, as far as it is kept; empty if it is not."""
        for options in ({"Latest": True}, {}):  # older types know no latest
            try:
                answer = self._ec2.call("GetConsoleOutput", InstanceId=instance, **options)
            except RefusedError as error:
                if error.code in ("UnsupportedOperation", "IncorrectInstanceState"):
                    continue
                if error.denied or error.code.startswith("InvalidInstanceID"):
                    return ""
                raise
            return str(answer.get("Output") or "")
        return ""

    def terminate(self, instances: Iterable[Body]) -> None:
        """End instances; those that ended are no error."""
        identities = [row["InstanceId"] for row in instances if row["State"]["Name"] != "terminated"]
        for first in range(0, len(identities), _CALL_AT_ONCE):
            try:
                self._ec2.call("TerminateInstances", InstanceIds=identities[first : first + _CALL_AT_ONCE])
            except RefusedError as error:
                if not error.code.startswith("InvalidInstanceID"):
                    raise


def life_of(instance: Body) -> int:
    """Return the how manyth instance of its run one is."""
    return int(tags_in(instance.get("Tags")).get(LIFE_TAG, "0"))


def launched_of(template: Body) -> int:
    """Return how many instances a template has launched."""
    return int(tags_in(template.get("Tags")).get(LIFE_TAG, "0"))


def _digest_in(body: Body) -> str:
    return tags_in(body["TagSpecifications"][0]["Tags"])[DIGEST_TAG]
