"""What an administrator does about models on sale: publish them, and choose what is sold."""

from typing import Final, Literal

from augury.client.answers import ModelOnShelf, PublishedVersion
from augury.client.connection import Connection, path_of
from augury.client.errors import ApiError

# The server opens and tries the artefact before it answers.
_QUARANTINE_SECONDS: Final = 300.0

Status = Literal["draft", "active", "retired"]


class RegistryCalls:
    """The part of a client that is about models on sale; it takes an administrator."""

    def __init__(self, connection: Connection) -> None:
        """Speak through `connection`."""
        self._connection = connection

    def model(self, name: str) -> ModelOnShelf | None:
        """Return a model with its versions, drafts and retired ones too; None if there is none."""
        try:
            return self._connection.call("GET", _path(name), ModelOnShelf)
        except ApiError as error:
            if error.code == "model_not_found":
                return None
            raise

    def publish(
        self, manifest: bytes, artifact: bytes, *, card_en: str = "", card_ru: str = ""
    ) -> PublishedVersion:
        """Return version 1 of a new model, a draft, once its artefact has passed quarantine.

        ApiError `bad_model` says why it has not, `model_exists` that the name is taken.
        """
        return self._upload("/v1/admin/models", manifest, artifact, (card_en, card_ru))

    def publish_version(
        self, name: str, manifest: bytes, artifact: bytes, *, card_en: str = "", card_ru: str = ""
    ) -> PublishedVersion:
        """Return a new version of a model; customers get it once `champion` points to it.

        ApiError `version_exists` says that the very same was published before.
        """
        return self._upload(f"{_path(name)}/versions", manifest, artifact, (card_en, card_ru))

    def set_status(self, name: str, status: Status) -> ModelOnShelf:
        """Put a model on sale (`active`) or take it off, and return it."""
        return self._connection.call("PATCH", _path(name), ModelOnShelf, json={"status": status})

    def move_alias(self, name: str, alias: str, version: int) -> ModelOnShelf:
        """Point an alias to a version, in every process at the same moment; return the model."""
        path = path_of("admin", "models", name, "aliases", alias)
        return self._connection.call("PUT", path, ModelOnShelf, json={"version": version})

    def _upload(
        self, path: str, manifest: bytes, artifact: bytes, cards: tuple[str, str]
    ) -> PublishedVersion:
        english, russian = cards
        parts = {
            "manifest": (None, manifest, "application/json"),
            "artifact": ("artifact", artifact, "application/octet-stream"),
            "card_en": (None, english.encode(), "text/markdown"),
            "card_ru": (None, russian.encode(), "text/markdown"),
        }
        return self._connection.call(
            "POST", path, PublishedVersion, files=parts, timeout=_QUARANTINE_SECONDS
        )


def _path(name: str) -> str:
    return path_of("admin", "models", name)
