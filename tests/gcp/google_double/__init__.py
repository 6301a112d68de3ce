"""A double of Google Cloud on the loopback: it checks every call by Google's own discovery documents.

`discovery` knows the documents, `validation` their schemas, `refusal` the answers that are errors, `faults` the calls
that fail on purpose, `service` what an API is made of, and `http` the wire. `GoogleDouble` puts services together.
"""

from __future__ import annotations

from google_double.double import GoogleDouble
from google_double.faults import HOWS, Fault
from google_double.refusal import Refusal
from google_double.service import Body, Call, Service, serves

__all__ = ["HOWS", "Body", "Call", "Fault", "GoogleDouble", "Refusal", "Service", "serves"]
