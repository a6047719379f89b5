"""Puts somebody's own model on sale: from a file and a sample of its data to a proven version.

Everything that needs the publisher's own libraries happens here, on the publisher's own machine:
a server never opens a pickle. `make.py` is the first file to read.
"""
