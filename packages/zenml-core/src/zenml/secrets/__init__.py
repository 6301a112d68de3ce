"""Secrets: values that are named by reference wherever something is written, and looked up where they are used.

A reference reads `SCHEME:NAME`. The core resolves `env:NAME` (an environment variable), `file:PATH` (a file) and
`secret:NAME` (the repository's secrets file); plugins add schemes of their own.
"""

from __future__ import annotations

from zenml.secrets.place import secrets_file, use_secrets_file
from zenml.secrets.redaction import redact
from zenml.secrets.resolver import SecretResolver
from zenml.secrets.secret import Secret
from zenml.secrets.store import SecretsFile

__all__ = ["Secret", "SecretResolver", "SecretsFile", "redact", "secrets_file", "use_secrets_file"]
