"""Runs models: from a row of JSON to a probability. Knows no database and no money."""
