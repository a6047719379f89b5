"""What every family of document models promises.

Rows of a table become a matrix and all models of tables share one way from JSON to an answer. A
document (a price history, a portfolio) has a form of its own: so its family reads it, describes it
and answers it.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import msgspec

from augury.inference.asking import Asked, Caution, Outputs
from augury.inference.manifest import BadModel, Manifest, verify_artifact
from augury.inference.signature import MOST_FAULTS
from augury.kit.errors import Fault, InvalidInput
from augury.kit.texts import LANGUAGES
from augury.risk.series import NO_MARKETS, Markets

# Documents as their family has read them.
Documents = list[Any]
# For each document its output, or what is wrong with it; pointers begin at the document: `/symbol`.
Found = list[dict[str, Any] | list[Fault]]


class DocumentModel(ABC):
    """A model version whose inputs are documents. Safe to use from many threads."""

    # The member of an output that is the probability: what a manifest has to name.
    probability: ClassVar[str]
    example: ClassVar[Mapping[str, Any]]
    # The members that say what is asked about: a file of documents has at least one as a column.
    subjects: ClassVar[tuple[str, ...]]

    def __init__(self, manifest: Manifest, artifact: Path, markets: Markets) -> None:
        """Open the artefact and run the self-test; raises `BadModel` when it does not pass."""
        verify_artifact(manifest.artifact, artifact)
        self.manifest = manifest
        content = artifact.read_bytes()
        # What it says about made-up prices must not depend on the prices of a house.
        self.open(content, NO_MARKETS)
        self.self_test_error = self._self_test()
        self.open(content, markets)

    @classmethod
    def asked(cls, manifest: Manifest, artifact: Path, inputs: bytes) -> list[float]:
        """Return what an artefact answers to questions that bring their own prices: its proof."""
        model = cls.__new__(cls)
        model.manifest = manifest
        model.open(artifact.read_bytes(), NO_MARKETS)
        return model.probabilities(cls.read(inputs))

    @abstractmethod
    def open(self, artifact: bytes, markets: Markets) -> None:
        """Take over what the artefact holds; raises `BadModel` if it is not what it says."""

    @classmethod
    @abstractmethod
    def input_schema(cls) -> dict[str, Any]:
        """Return the JSON Schema of one document; texts in both languages under `x-` names."""

    @classmethod
    @abstractmethod
    def output_schema(cls) -> dict[str, Any]:
        """Return the JSON Schema of one output."""

    @classmethod
    @abstractmethod
    def read(cls, inputs: bytes | msgspec.Raw) -> Documents:
        """Return the documents of a JSON array of 1..1000; `InvalidInput` has all faults."""

    @abstractmethod
    def sift(self, rows: Sequence[Mapping[str, Any]]) -> tuple[Documents, dict[int, list[Fault]]]:
        """Return the documents among rows of a file, and the faults of the others by place."""

    @abstractmethod
    def place(self, document: Any) -> Any | list[Fault]:
        """Return a document with what the market knows of it; a list of faults if it cannot be."""

    @abstractmethod
    def tell(self, placed: Sequence[Any], language: str) -> Found:
        """Return the output of each placed document, or its faults.

        What one of them is like must not change what is told of another; an exception is nobody's
        answer.
        """

    def weight(self, documents: Documents) -> int:
        """Return how much work documents are, in questions about one asset."""
        return len(documents)

    def answers(self, documents: Documents, language: str) -> Found:
        """Return the output of each document, or its faults."""
        return self._told([self.place(one) for one in documents], language)

    def _told(self, placed: Sequence[Any], language: str) -> Found:
        following = iter(self.tell([one for one in placed if not isinstance(one, list)], language))
        return [one if isinstance(one, list) else next(following) for one in placed]

    def cautions(self, rows: Documents, language: str) -> list[Caution]:  # noqa: ARG002 -- as for tables
        """Return nothing: what is odd about a document is told in its output."""
        return []

    def answer(self, asked: Asked[Documents]) -> Outputs:
        """Return the outputs of one caller's documents; raises `InvalidInput`."""
        (found,) = self.answer_many([asked])
        if isinstance(found, Exception):
            raise found
        return found

    def answer_many(self, callers: Sequence[Asked[Documents]]) -> list[Outputs | Exception]:
        """Return the outputs of many callers' documents, or each caller's own refusal.

        All of a caller's documents are placed before any is answered: one that cannot be costs
        nobody the work of the others.
        """
        results: list[Outputs | Exception | None] = [None] * len(callers)
        waiting: dict[str, list[tuple[int, list[Any]]]] = {}
        for at, asked in enumerate(callers):
            placed = [self.place(one) for one in asked.rows]
            results[at] = _refusal(placed)
            if results[at] is None:
                waiting.setdefault(asked.language, []).append((at, placed))
        for language, theirs in waiting.items():
            following = iter(self.tell([one for _, placed in theirs for one in placed], language))
            for at, placed in theirs:
                answers = [next(following) for _ in placed]
                results[at] = _refusal(answers) or answers  # type: ignore[assignment] # none is a fault
        return results  # type: ignore[return-value] # each is set by now

    def is_available(self) -> bool:
        """Tell whether it can be asked at the moment."""
        return True

    def _self_test(self) -> float:
        """Return the largest difference in the self-test; raises `BadModel` if it is too large."""
        name, test = self.manifest.name, self.manifest.self_test
        try:
            documents = self.read(msgspec.json.encode(test.inputs))
        except InvalidInput as error:
            raise BadModel("self_test_rows", name=name, faults=error.faults) from error
        if len(test.probabilities) != len(documents):
            raise BadModel("self_test_count", name=name)
        pairs = zip(self.probabilities(documents), test.probabilities, strict=True)
        worst = max(abs(one - other) for one, other in pairs)
        if not worst <= test.tolerance:
            raise BadModel("self_test_off", name=name, worst=worst)
        return worst

    def probabilities(self, documents: Documents) -> list[float]:
        """Return the probability that the answer to each document names; raises `BadModel`."""
        name = self.manifest.name
        try:
            answers = self.answers(documents, LANGUAGES[0])
        except Exception as error:  # whatever arithmetic throws
            raise BadModel("self_test_fails", name=name, error=error) from error
        faults = [fault for answer in answers if isinstance(answer, list) for fault in answer]
        if faults:
            raise BadModel("self_test_rows", name=name, faults=faults)
        return [float(one[self.probability]) for one in answers if isinstance(one, dict)]


def _refusal(found: Sequence[Any]) -> InvalidInput | None:
    """Return the refusal of a caller some of whose documents have faults."""
    faults = [
        Fault(f"/inputs/{place}{fault.pointer}", fault.key, fault.values)
        for place, faulty in enumerate(found)
        if isinstance(faulty, list)
        for fault in faulty
    ]
    return InvalidInput(faults=faults[:MOST_FAULTS]) if faults else None
