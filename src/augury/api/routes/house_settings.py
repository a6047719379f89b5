"""The settings of the house, for administrators: they look, and change them nowhere but outside."""

from fastapi import APIRouter
from pydantic import BaseModel, Field

from augury.api.deps import Admin, TheHouse
from augury.api.responses import refusals
from augury.api.settings_told import Origin, Told, told
from augury.payments.providers import settings_of

router = APIRouter(prefix="/v1/admin/settings", tags=["administration"])


class SettingOut(BaseModel):
    """A setting of the process that answers."""

    name: str = Field(examples=["AUGURY_LOG_FORMAT"])
    value: str | None = Field(description="Null for a secret, which never leaves the process.")
    is_secret: bool
    is_set: bool = Field(description="Whether it has a value at all.")
    origin: Origin = Field(
        description="A variable, a file, a switch of the command or worked out from others, or the"
        " default."
    )
    about: str = Field(description="What it decides.")

    @classmethod
    def of(cls, one: Told) -> "SettingOut":
        """Return a setting for the wire."""
        return cls(**one._asdict())


class SettingList(BaseModel):
    """Every setting, in the order of the documentation."""

    items: list[SettingOut]


@router.get("", responses=refusals("unauthenticated", "forbidden"))
def house_settings(house: TheHouse, _admin: Admin) -> SettingList:
    """Tell how the house is set up. Secrets are masked here, names and passwords in addresses too.

    They were read when this process began; there is nothing to change them by.
    """
    settings = [house.settings, *settings_of(house.desk.providers)]
    found = told(settings, house.settings.secrets_dir)
    return SettingList(items=[SettingOut.of(one) for one in found])
