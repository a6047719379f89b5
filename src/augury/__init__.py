"""Augury sells machine-learning predictions for prepaid credits."""
