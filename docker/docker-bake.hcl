# Builds the images, from the root of the repository: docker buildx bake -f docker/docker-bake.hcl

# The repository that the images are named after, as in registry.example.com/team/zenml.
variable "REPOSITORY" {
  default = "zenml/zenml"
}

variable "VERSION" {
  default = "0.4.0"
}

variable "REVISION" {
  default = "unknown"
}

# Seconds since 1970 that every file is dated with; one commit's time makes its images the same wherever they are built.
variable "SOURCE_DATE_EPOCH" {
  default = "315532800"
}

group "default" {
  targets = ["base", "cuda", "dataflow", "dataflow-worker"]
}

target "common" {
  context = "."
  args = {
    VERSION           = VERSION
    REVISION          = REVISION
    SOURCE_DATE_EPOCH = SOURCE_DATE_EPOCH
  }
}

target "base" {
  inherits   = ["common"]
  dockerfile = "docker/base/Dockerfile"
  tags       = ["${REPOSITORY}:${VERSION}"]
}

target "cuda" {
  inherits   = ["common"]
  dockerfile = "docker/cuda/Dockerfile"
  tags       = ["${REPOSITORY}:${VERSION}-cuda"]
}

target "dataflow" {
  inherits   = ["common"]
  dockerfile = "docker/dataflow/Dockerfile"
  tags       = ["${REPOSITORY}:${VERSION}-dataflow"]
  contexts   = { "zenml-base" = "target:base" }
  args       = { BASE_IMAGE = "zenml-base" }
}

target "dataflow-worker" {
  inherits   = ["common"]
  dockerfile = "docker/dataflow-worker/Dockerfile"
  tags       = ["${REPOSITORY}:${VERSION}-dataflow-worker"]
  contexts   = { "zenml-dataflow" = "target:dataflow" }
  args       = { DATAFLOW_IMAGE = "zenml-dataflow" }
}
