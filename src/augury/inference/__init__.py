"""Runs models: from a row of JSON to a probability. Knows no database and no money."""

import os

# ONNX Runtime reports to its maker's servers unless it is told not to before it is loaded. What our
# customers ask is nobody else's business, so it is told here, before any of its importers.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
