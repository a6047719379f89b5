"""Investment risk: pure functions from prices and indicators to forecasts, measures and hedges.

No database, no files, no clock: what is known is given, and everything is an array.
"""
