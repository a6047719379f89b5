"""Makes `python -m augury.cli` the same as `augury`."""

from augury.cli import app

app()
