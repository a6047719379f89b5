"""What an administrator does about models on sale: publish them, and choose what is sold."""

from datetime import datetime
from typing import BinaryIO, Final, Literal

from augury.client.answers import Model, Page
from augury.client.connection import Connection, path_of, present
from augury.client.errors import ApiError
from augury.client.shelf import Comparison, Drift, ModelOnShelf, PublishedVersion

# The server opens and tries the artefact before it answers.
_QUARANTINE_SECONDS: Final = 300.0

Status = Literal["draft", "active", "retired"]
VersionStatus = Literal["active", "retired"]
Mode = Literal["shadow", "canary"]
# A file that is open for reading is sent piece by piece, without a copy in memory.
Artifact = bytes | BinaryIO


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

    def models(self, *, limit: int = 50, cursor: str | None = None) -> Page[ModelOnShelf]:
        """Return one page of all models by name, drafts and retired ones too."""
        query = present({"limit": limit, "cursor": cursor})
        return self._connection.call("GET", "/v1/admin/models", Page[ModelOnShelf], params=query)

    def version(self, name: str, version: int) -> Model:
        """Return a version as customers see it or would; ApiError `version_not_found`."""
        return self._connection.call("GET", _version_path(name, version), Model)

    def publish(
        self, manifest: bytes, artifact: Artifact, *, card_en: str = "", card_ru: str = ""
    ) -> PublishedVersion:
        """Return version 1 of a new model, a draft, once its artefact has passed quarantine.

        ApiError `bad_model` says why it has not, `model_exists` that the name is taken.
        """
        return self._upload("/v1/admin/models", manifest, artifact, (card_en, card_ru))

    def publish_version(
        self,
        name: str,
        manifest: bytes,
        artifact: Artifact,
        *,
        card_en: str = "",
        card_ru: str = "",
    ) -> PublishedVersion:
        """Return a new version of a model; customers get it once `champion` points to it.

        ApiError `version_exists` says that the very same was published before.
        """
        return self._upload(f"{_path(name)}/versions", manifest, artifact, (card_en, card_ru))

    def set_status(self, name: str, status: Status) -> ModelOnShelf:
        """Put a model on sale (`active`) or take it off, and return it."""
        return self._connection.call("PATCH", _path(name), ModelOnShelf, json={"status": status})

    def set_price(
        self, name: str, price: int, *, begins_at: datetime | None = None
    ) -> ModelOnShelf:
        """Set the champion's price in credits per row, now or later, and return the model."""
        change = {"price": price, "price_from": _moment(begins_at)}
        return self._connection.call(
            "PATCH", _path(name), ModelOnShelf, json=present(change), repeatable=True
        )

    def set_version_status(self, name: str, version: int, status: VersionStatus) -> ModelOnShelf:
        """Retire a version that nothing points to, or bring it back; return the model."""
        return self._connection.call(
            "PATCH",
            _version_path(name, version),
            ModelOnShelf,
            json={"status": status},
            repeatable=True,
        )

    def move_alias(
        self, name: str, alias: str, version: int, *, begins_at: datetime | None = None
    ) -> ModelOnShelf:
        """Point an alias to a version, in every process at the same moment; return the model.

        Now, or from `begins_at` on.
        """
        path = path_of("admin", "models", name, "aliases", alias)
        move = {"version": version, "begins_at": _moment(begins_at)}
        return self._connection.call("PUT", path, ModelOnShelf, json=present(move))

    def drop_alias(self, name: str, alias: str) -> ModelOnShelf:
        """Take an alias away, and return the model; ApiError `champion_needed`."""
        path = path_of("admin", "models", name, "aliases", alias)
        return self._connection.call("DELETE", path, ModelOnShelf)

    def start_challenge(
        self, name: str, version: int, mode: Mode, share_percent: int
    ) -> ModelOnShelf:
        """Try a version beside the champion, and return the model.

        `shadow` scores a share of sales unseen, `canary` answers a share of the customers.
        """
        trial = {"version": version, "mode": mode, "share_percent": share_percent}
        return self._connection.call("PUT", _trial_path(name), ModelOnShelf, json=trial)

    def end_challenge(self, name: str) -> ModelOnShelf:
        """End the trial, if there is one, and return the model."""
        return self._connection.call("DELETE", _trial_path(name), ModelOnShelf, repeatable=True)

    def comparison(self, name: str, *, days: int = 30) -> Comparison:
        """Return challenger and champion side by side; ApiError `no_challenger`."""
        return self._connection.call("GET", _trial_path(name), Comparison, params={"days": days})

    def drift(self, name: str, *, version: int | None = None, days: int = 7) -> Drift:
        """Return how far sales of late are from the training rows; ApiError `no_reference`."""
        query = present({"version": version, "days": days})
        path = path_of("admin", "models", name, "drift")
        return self._connection.call("GET", path, Drift, params=query)

    def _upload(
        self, path: str, manifest: bytes, artifact: Artifact, cards: tuple[str, str]
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


def _version_path(name: str, version: int) -> str:
    return path_of("admin", "models", name, "versions", str(version))


def _trial_path(name: str) -> str:
    return path_of("admin", "models", name, "challenger")


def _moment(when: datetime | None) -> str | None:
    return None if when is None else when.isoformat()
