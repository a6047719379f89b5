"""`investment-portfolio`: the risk of a whole, where it comes from, and weights that lower it."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

import msgspec
import numpy as np

from augury.inference.documents import portfolio_question, risk_answer
from augury.inference.documents.members import schema_of
from augury.inference.documents.portfolio_places import Held, held
from augury.inference.documents.portfolio_weights import lighter, parts, stresses
from augury.inference.documents.protocol import Documents, Found
from augury.inference.documents.risk import RiskModel, days_now
from augury.inference.documents.risk_measures import Measures, measured
from augury.kit.errors import Fault
from augury.kit.texts import texts
from augury.risk.trouble import BadSeries

# Why parts cannot be told, by the key of what the arithmetic says.
_TOO_SHORT: Final = "fault.portfolio_too_short"
_WHY: Final = {
    "constant": "fault.portfolio_constant",
    "limits_infeasible": "fault.portfolio_limits_infeasible",
    "no_optimum": "fault.portfolio_no_optimum",
}
_LIST: Final = {"type": "array", "items": {"type": "object"}}
_MEMBERS: Final[Mapping[str, Mapping[str, Any]]] = {
    **{name: schema for name, schema in risk_answer.OF_ANY.items() if name != "warnings"},
    "positions": _LIST,
    "diversification_ratio": {"type": "number", "minimum": 0},
    "scenarios": _LIST,
    "lower_risk": _LIST,
    "warnings": risk_answer.OF_ANY["warnings"],
}


class PortfolioModel(RiskModel):
    """The same forecast model, asked about many assets held together."""

    example: ClassVar[Mapping[str, Any]] = portfolio_question.EXAMPLE
    subjects: ClassVar[tuple[str, ...]] = ("positions",)

    @classmethod
    def input_schema(cls) -> dict[str, Any]:
        """Return the JSON Schema of one question."""
        return schema_of("portfolio", portfolio_question.MEMBERS, cls.example)

    @classmethod
    def output_schema(cls) -> dict[str, Any]:
        """Return the JSON Schema of one answer."""
        return risk_answer.output_schema(_MEMBERS)

    @classmethod
    def read(cls, inputs: bytes | msgspec.Raw) -> Documents:
        """Return the questions of a JSON array of 1..1000; `InvalidInput` has all faults."""
        return portfolio_question.read(inputs)

    def sift(self, rows: Sequence[Mapping[str, Any]]) -> tuple[Documents, dict[int, list[Fault]]]:
        """Return the questions among rows of a file, and the faults of the others by place."""
        found = [portfolio_question.QUESTIONS.read_row(row) for row in rows]
        faulty = {at: one for at, one in enumerate(found) if isinstance(one, list)}
        return [one for one in found if not isinstance(one, list)], faulty

    def weight(self, documents: Documents) -> int:
        """Return how many assets are asked about."""
        return sum(len(one.positions) for one in documents)

    def place(self, document: Any) -> Any:
        """Return the portfolio on its day, or its faults; nothing of later days is looked at."""
        return held(document, self._assets, self.markets, days_now())

    def tell(self, placed: Sequence[Any], language: str) -> Found:
        """Return the answer about each portfolio, or why it cannot be told."""
        return [self._told_of(one, language) for one in placed]

    def _told_of(self, found: Held, language: str) -> dict[str, Any] | list[Fault]:
        try:
            whole = measured(self._forecast, [found.whole])
            more = self._of_parts(found, whole, language)
        except BadSeries as error:
            return [Fault("/positions", _WHY.get(error.key, _TOO_SHORT), dict(error.values))]
        (told,) = risk_answer.outputs([found.whole], whole, self.manifest, language)
        told["warnings"] += more.pop("warnings")
        return {name: (told | more)[name] for name in _MEMBERS}

    def _of_parts(self, found: Held, whole: Measures, language: str) -> dict[str, Any]:
        sentences, horizon = texts("risk", language), int(whole.horizons[0])
        volatilities = self._forecast.forecast(
            found.features, np.full(len(found.weights), horizon)
        ).volatility()
        known = parts(self._forecast, found, volatilities, horizon)
        shocks, missing = stresses(found, known, self.markets, sentences)
        return {
            **known.told(found, float(whole.volatilities[0])),
            "scenarios": shocks,
            "lower_risk": lighter(found, known, horizon),
            "warnings": [risk_answer.warning(note, sentences) for note in missing],
        }
