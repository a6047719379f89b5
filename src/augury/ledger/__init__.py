"""Double entry: who has how many credits, and every movement that made it so.

`core.py` has the rules as pure functions, `service.py` carries them out in SQL, `audit.py` derives
everything again from the transfers.
"""
