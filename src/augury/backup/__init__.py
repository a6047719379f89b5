"""Copies of a house that sells, in one file, and houses made from such a file again."""
