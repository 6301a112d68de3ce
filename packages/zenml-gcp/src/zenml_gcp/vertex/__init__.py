"""Training on Vertex AI, the successor of AI Platform (GCAIP).

`single_gpu` and `replicated` are what users name, and `base` what both have in common. `machines` knows which types of
machines and accelerators there are, `job` says what is made, without making it; `service` calls Vertex AI, `access`
and `words` put into words what is missing and what went wrong. `replica` is what each of several machines runs.
"""

from __future__ import annotations
