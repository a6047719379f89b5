"""CatBoost without pandas.

CatBoost imports pandas to recognise its frames. We hand it lists and matrices, so it gets two empty
types to look for instead, and a process that serves is spared 75 MB that it would never use.
"""

import sys
from types import ModuleType

if "pandas" in sys.modules:  # then it costs nothing more
    import catboost
else:
    _stand_in = ModuleType("pandas")
    _stand_in.DataFrame = type("DataFrame", (), {})  # type: ignore[attr-defined] # made here
    _stand_in.Series = type("Series", (), {})  # type: ignore[attr-defined] # made here
    sys.modules["pandas"] = _stand_in
    try:
        import catboost
    finally:
        del sys.modules["pandas"]

__all__ = ["catboost"]
