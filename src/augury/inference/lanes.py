"""Lanes: one line of work for each loaded model, so that a slow one holds up nobody else."""

from augury.inference.asking import Asked, Outputs
from augury.inference.documents.protocol import DocumentModel, Documents
from augury.inference.model import Predictor, Probabilities, Question
from augury.inference.signature import Matrix
from augury.kit.coalescer import Coalescer

# Rows in one call of a runtime: enough to share its fixed cost, few enough to answer soon.
_MOST_ROWS_PER_CALL = 1000
_MOST_WAITING = 4096
# A call this short may be made on the event loop: handing it to a thread costs as much.
_BRIEF_SECONDS = 0.0005


class Lane:
    """Predicts with one model for many callers at once, joining what waits.

    It is a bulkhead too: a model that stands still holds up as many calls as may be made of it at
    once and a line of what waits with an end, and nothing of other models.

    It lives as long as whoever can still ask it: a sale that found it before a newer version took
    its place is finished by it.
    """

    def __init__(self, model: Predictor) -> None:
        """Open the lane of a loaded model; its threads start with the first long call."""
        self.model = model
        self._predicting: Coalescer[Matrix, Probabilities] = Coalescer(
            model.predict_many,
            name=f"lane-{model.manifest.name}",
            weigh=len,
            brief=lambda rows: model.seconds(rows) < _BRIEF_SECONDS,
            most_per_call=_MOST_ROWS_PER_CALL,
            most_waiting=_MOST_WAITING,
            calls_at_once=model.calls_at_once,
        )
        # Apart, so that who asks for no reasons never waits for those of others.
        self._explaining: Coalescer[Question, Outputs] = Coalescer(
            model.explain_many,
            name=f"reasons-{model.manifest.name}",
            weigh=lambda one: len(one.matrix),
            brief=lambda rows: model.explain_seconds(rows) < _BRIEF_SECONDS,
            most_per_call=_MOST_ROWS_PER_CALL,
            most_waiting=_MOST_WAITING,
            calls_at_once=model.calls_at_once,
        )

    async def answer(self, asked: Asked[Matrix]) -> Outputs:
        """Return the outputs of one caller's rows, with reasons if they are asked for."""
        if asked.explain:
            return await self.explain(Question.of(asked))
        return self.model.outputs(await self.predict(asked.rows))

    async def predict(self, matrix: Matrix) -> Probabilities:
        """Return the probabilities of one caller's rows, float64 [rows]."""
        return await self._predicting.ask(matrix)

    async def explain(self, question: Question) -> Outputs:
        """Return the outputs of one caller's rows with their reasons."""
        return await self._explaining.ask(question)

    def close(self) -> None:
        """Finish what runs and stop."""
        self._predicting.close()
        self._explaining.close()


class DocumentLane:
    """Answers documents with one model for many callers at once, joining what waits."""

    def __init__(self, model: DocumentModel) -> None:
        """Open the lane of a loaded model."""
        self.model = model
        # Never on the event loop: prices may have to be read first.
        self._answering: Coalescer[Asked[Documents], Outputs] = Coalescer(
            model.answer_many,
            name=f"lane-{model.manifest.name}",
            weigh=lambda asked: model.weight(asked.rows),
            most_per_call=_MOST_ROWS_PER_CALL,
            most_waiting=_MOST_WAITING,
        )

    async def answer(self, asked: Asked[Documents]) -> Outputs:
        """Return the outputs of one caller's documents; `InvalidInput` has all faults."""
        return await self._answering.ask(asked)

    def close(self) -> None:
        """Finish what runs and stop."""
        self._answering.close()


AnyLane = Lane | DocumentLane


def lane_of(model: Predictor | DocumentModel) -> AnyLane:
    """Return the lane of a loaded model of either kind."""
    return Lane(model) if isinstance(model, Predictor) else DocumentLane(model)
