"""Puts somebody's own model on sale: from a file and a sample of its data to a proven version.

Everything that needs the publisher's own libraries happens here, on the publisher's own machine:
a server never opens a pickle. `make.py` is the first file to read.
"""

# Before CatBoost, which serving loads without pandas: a publisher's pipeline may hand it frames.
import pandas  # noqa: F401, ICN001 -- see above
