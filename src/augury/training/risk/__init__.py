"""The investment-risk model: from prices inside of packages to an artefact, its record and card."""

from augury.training.risk.pipeline import train, write_backtest

__all__ = ["train", "write_backtest"]
