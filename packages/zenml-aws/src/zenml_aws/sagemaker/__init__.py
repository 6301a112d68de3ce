"""Training on Amazon SageMaker; `backend` and `distributed` have the classes that a pipeline names."""
