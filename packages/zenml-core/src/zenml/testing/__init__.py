"""The conformance kit: what plugin authors test their backends with."""
