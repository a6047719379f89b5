"""Families of models whose inputs are documents. A new family is one file here and one line below.

By the name of the runtime that a manifest gives.
"""

from augury.inference.documents.portfolio import PortfolioModel
from augury.inference.documents.protocol import DocumentModel
from augury.inference.documents.risk import RiskModel

DOCUMENTS: dict[str, type[DocumentModel]] = {
    "risk": RiskModel,
    "portfolio": PortfolioModel,
}
