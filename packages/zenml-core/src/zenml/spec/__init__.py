"""A pipeline as data: the spec, its YAML and JSON Schema forms, and the components it is made of."""
