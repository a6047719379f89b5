"""Alembic migrations, run by `augury migrate` and at every start."""
