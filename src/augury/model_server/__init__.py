"""The inference service: models behind the Open Inference Protocol; no database and no secrets."""
