"""Families of models whose inputs are documents. A new family is one file here and one line below.

By the name of the runtime that a manifest gives.
"""

from augury.inference.documents.protocol import DocumentModel

DOCUMENTS: dict[str, type[DocumentModel]] = {}
