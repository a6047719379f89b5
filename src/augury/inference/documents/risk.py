"""`investment-risk`: how likely an asset is to fall, how far, and what to do about it."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

import msgspec

from augury.inference.documents import risk_answer, risk_question
from augury.inference.documents.members import schema_of
from augury.inference.documents.protocol import DocumentModel, Documents, Found
from augury.inference.documents.risk_assets import Assets
from augury.inference.documents.risk_measures import measured
from augury.inference.documents.risk_places import Place, place
from augury.inference.manifest import BadModel
from augury.kit.errors import Fault
from augury.risk import forecast
from augury.risk.series import Markets
from augury.risk.trouble import BadSeries

# Questions in one pass: scenarios of so many fit into memory.
_AT_ONCE = 1000
_DAY_SECONDS = 86_400


class RiskModel(DocumentModel):
    """A forecast model that answers questions about one asset."""

    probability = "probability_of_loss"
    example: ClassVar[Mapping[str, Any]] = risk_question.EXAMPLE
    subjects: ClassVar[tuple[str, ...]] = ("symbol", "prices")

    def open(self, artifact: bytes, markets: Markets) -> None:
        """Take over what was learned, and where prices come from; raises `BadModel`."""
        try:
            self._forecast = forecast.read(artifact)
        except forecast.BadForecastModel as error:
            raise BadModel("forecast_unreadable", error=error) from error
        self.markets, self._assets = markets, Assets(markets)

    @classmethod
    def input_schema(cls) -> dict[str, Any]:
        """Return the JSON Schema of one question."""
        return schema_of("risk", risk_question.MEMBERS, cls.example)

    @classmethod
    def output_schema(cls) -> dict[str, Any]:
        """Return the JSON Schema of one answer."""
        return risk_answer.output_schema(risk_answer.OF_ANY)

    @classmethod
    def read(cls, inputs: bytes | msgspec.Raw) -> Documents:
        """Return the questions of a JSON array of 1..1000; `InvalidInput` has all faults."""
        return risk_question.QUESTIONS.read(inputs)

    def sift(self, rows: Sequence[Mapping[str, Any]]) -> tuple[Documents, dict[int, list[Fault]]]:
        """Return the questions among rows of a file, and the faults of the others by place."""
        found = [risk_question.QUESTIONS.read_row(row) for row in rows]
        faulty = {at: one for at, one in enumerate(found) if isinstance(one, list)}
        return [one for one in found if not isinstance(one, list)], faulty

    def place(self, document: Any) -> Place | list[Fault]:
        """Return where a question stands, or its faults; nothing of later days is looked at."""
        return place(document, self._assets, self.markets, days_now())

    def tell(self, placed: Sequence[Any], language: str) -> Found:
        """Return the answer to each question; what cannot be worked out together is tried alone."""
        found: Found = []
        for start in range(0, len(placed), _AT_ONCE):
            part = placed[start : start + _AT_ONCE]
            try:
                found += self._told_together(part, language)
            except BadSeries:
                found += [self._told_alone(one, language) for one in part]
        return found

    def _told_alone(self, one: Place, language: str) -> dict[str, Any] | list[Fault]:
        try:
            (told,) = self._told_together([one], language)
        except BadSeries as error:
            return [Fault(one.pointer, "fault.untellable", {"why": error.key})]
        return told

    def _told_together(self, placed: Sequence[Place], language: str) -> list[dict[str, Any]]:
        if not placed:
            return []
        measures = measured(self._forecast, placed)
        return risk_answer.outputs(placed, measures, self.manifest, language)


def days_now() -> int:
    """Return today as days since 1970-01-01, UTC."""
    return int(datetime.now(UTC).timestamp()) // _DAY_SECONDS
