"""Running a spec: wiring, fingerprints, the executor, the workers, the code package, and the local backends."""
