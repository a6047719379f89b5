"""The client of the inference service: models that run in other processes."""
