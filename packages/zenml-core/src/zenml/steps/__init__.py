"""Steps say what a pipeline does; each declares typed inputs and outputs."""
