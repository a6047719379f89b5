"""Lanes: one line of work for each loaded model, so that a slow one holds up nobody else."""

from augury.inference.model import Model, Outputs, Probabilities, Question
from augury.inference.signature import Matrix
from augury.kit.coalescer import Coalescer

# Rows in one call of a runtime: enough to share its fixed cost, few enough to answer soon.
_MOST_ROWS_PER_CALL = 1000
_MOST_WAITING = 4096
# A call this short may be made on the event loop: handing it to a thread costs as much.
_BRIEF_SECONDS = 0.0005


class Lanes:
    """Predicts for many callers at once, joining what waits for the same model."""

    def __init__(self) -> None:
        """Start without lanes; each opens with the first prediction of its model."""
        self._lanes: dict[Model, Coalescer[Matrix, Probabilities]] = {}
        # Apart, so that who asks for no reasons never waits for those of others.
        self._explaining: dict[Model, Coalescer[Question, Outputs]] = {}

    async def predict(self, model: Model, matrix: Matrix) -> Probabilities:
        """Return the probabilities of one caller's rows, float64 [rows]."""
        lane = self._lanes.get(model)
        if lane is None:
            lane = self._lanes[model] = Coalescer(
                model.predict_many,
                name=f"lane-{model.manifest.name}",
                weigh=len,
                brief=lambda rows: model.seconds(rows) < _BRIEF_SECONDS,
                most_per_call=_MOST_ROWS_PER_CALL,
                most_waiting=_MOST_WAITING,
            )
        return await lane.ask(matrix)

    async def explain(self, model: Model, question: Question) -> Outputs:
        """Return the outputs of one caller's rows with their reasons."""
        lane = self._explaining.get(model)
        if lane is None:
            lane = self._explaining[model] = Coalescer(
                model.explain_many,
                name=f"reasons-{model.manifest.name}",
                weigh=lambda one: len(one.matrix),
                brief=lambda rows: model.explain_seconds(rows) < _BRIEF_SECONDS,
                most_per_call=_MOST_ROWS_PER_CALL,
                most_waiting=_MOST_WAITING,
            )
        return await lane.ask(question)

    def close(self) -> None:
        """Finish what runs and stop."""
        for lane in self._lanes.values():
            lane.close()
        for explaining in self._explaining.values():
            explaining.close()
