"""Stands for the AWS command line on a machine, with the credentials of the machine's role."""

from __future__ import annotations

import json
import os
import sys
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

ATTEMPTS = 3
"""Of the real one's standard mode: what passes is tried again."""

TARGETS = {"ssm": "AmazonSSM", "ecr": "AmazonEC2ContainerRegistry_V20150921"}


def fetch(url: str, headers: dict, data: bytes | None = None, method: str = "GET") -> bytes:
    with urlopen(Request(url, data, headers, method=method), timeout=60) as answer:
        return answer.read()


def role() -> dict:
    base = os.environ["AWS_EC2_METADATA_SERVICE_ENDPOINT"] + "/latest/"
    token = fetch(base + "api/token", {"X-aws-ec2-metadata-token-ttl-seconds": "60"}, method="PUT").decode()
    headers = {"X-aws-ec2-metadata-token": token}
    place = base + "meta-data/iam/security-credentials/"
    try:
        return json.loads(fetch(place + fetch(place, headers).decode(), headers))
    except HTTPError:
        sys.exit('\nUnable to locate credentials. You can configure credentials by running "aws configure".')


def call(service: str, operation: str, region: str, **params: object) -> dict:
    scope = f"{role()['AccessKeyId']}/20261121/{region}/{service}/aws4_request"
    headers = {
        "Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=none",
        "Content-Type": "application/x-amz-json-1.1",
        "X-Amz-Target": f"{TARGETS[service]}.{operation}",
    }
    for left in reversed(range(ATTEMPTS)):
        try:
            answer = fetch(os.environ["AWS_ENDPOINT_URL"], headers, json.dumps(params).encode(), "POST")
            return json.loads(answer or "{}")
        except HTTPError as error:
            said = error.read().decode()
            if not left or (error.code < 500 and "Throttling" not in said):
                sys.exit(f"\nAn error occurred when calling the {operation} operation: {said}")
        except (OSError, HTTPException) as error:
            if not left:
                sys.exit(f"\nCould not connect to the endpoint URL: {error}")
    raise AssertionError("the last attempt ends in one way or the other")


def main() -> None:
    with (Path(os.environ["DOUBLE_MACHINE"]) / "calls").open("a") as calls:
        print("aws", *sys.argv[1:], file=calls)
    service, verb, *rest = sys.argv[1:]
    options: dict[str, str] = {}
    while rest:
        flag = rest.pop(0)
        options[flag] = rest.pop(0) if rest and not rest[0].startswith("--") else ""
    region = options["--region"]
    if (service, verb) == ("ssm", "get-parameters-by-path"):
        where = {"Path": options["--path"], "WithDecryption": "--with-decryption" in options}
        answer = call(service, "GetParametersByPath", region, **where)
        rows = answer["Parameters"]
        while answer.get("NextToken"):
            answer = call(service, "GetParametersByPath", region, **where, NextToken=answer["NextToken"])
            rows += answer["Parameters"]
        print(json.dumps({"Parameters": [{"Name": row["Name"], "Value": row["Value"]} for row in rows]}))
    elif (service, verb) == ("ssm", "delete-parameter"):
        call(service, "DeleteParameter", region, Name=options["--name"])
    elif (service, verb) == ("ecr", "get-login-password"):
        call(service, "GetAuthorizationToken", region)
        print("ecr-password")
    else:
        sys.exit(f"aws: error: argument operation: Invalid choice: {service} {verb}")


main()
