"""The credit-scoring models: from the public CSV to artefacts, manifests and cards."""

from augury.training.credit.dataset import WrongFileError
from augury.training.credit.pipeline import NotFitToShipError, train

__all__ = ["NotFitToShipError", "WrongFileError", "train"]
