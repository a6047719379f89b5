"""What the registry refuses."""

from augury.inference.manifest import BadModel
from augury.kit.errors import Refusal


class ModelNotFound(Refusal):
    """No model of this name, alias or version is on sale."""

    code = "model_not_found"
    status = 404


class VersionNotFound(Refusal):
    """The model has no version of this number."""

    code = "version_not_found"
    status = 404


class AliasNotFound(Refusal):
    """The model has no alias of this name."""

    code = "alias_not_found"
    status = 404


class ModelExists(Refusal):
    """The name is taken: what was sent may be a new version of that model."""

    code = "model_exists"
    status = 409


class VersionExists(Refusal):
    """The same manifest with the same artefact is a version already."""

    code = "version_exists"
    status = 409


class TooManyVersions(Refusal):
    """The model has as many versions on sale as one may have."""

    code = "too_many_versions"
    status = 409


class VersionRetired(Refusal):
    """A retired version cannot be sold."""

    code = "version_retired"
    status = 409


class VersionInUse(Refusal):
    """An alias or a trial points to this version, so it cannot be retired."""

    code = "version_in_use"
    status = 409


class ChampionNeeded(Refusal):
    """The alias that customers buy by cannot be taken away."""

    code = "champion_needed"
    status = 409


class Incompatible(Refusal):
    """The challenger does not take and give what the champion does."""

    code = "incompatible_version"
    status = 409


class NotSellable(Refusal):
    """The champion cannot be loaded, so the model cannot go on sale."""

    code = "model_not_sellable"
    status = 409


class ModelRefused(Refusal):
    """A manifest or an artefact did not pass quarantine; the reason is in `reason`."""

    code = "bad_model"
    status = 422

    def __init__(self, bad: BadModel) -> None:
        """Refuse for a reason that is told in the reader's language."""
        super().__init__(reason_code=bad.key)
        self._bad = bad

    def told(self, language: str) -> dict[str, object]:
        """Return the values of the answer."""
        return {"reason_code": self._bad.key, "reason": self._bad.told(language)}
