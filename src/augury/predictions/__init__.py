"""The sale. `buy.py` is the first file to read."""
