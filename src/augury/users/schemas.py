"""What travels over the wire about users."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from augury.kit.clock import rfc3339
from augury.users.service import Grant, User


class Registration(BaseModel):
    """A new customer."""

    model_config = ConfigDict(extra="forbid")

    username: str = Field(
        min_length=3,
        max_length=64,
        description="Letters, digits, `_`, `.` and `-`.",
        examples=["anna"],
    )
    email: str = Field(min_length=3, max_length=254, examples=["anna@example.com"])
    password: str = Field(
        min_length=1,
        max_length=1000,
        description="10 to 128 characters, not the user name, not a common one.",
        examples=["correct horse battery staple"],
    )


class UserOut(BaseModel):
    """A user as everybody who may see it sees it."""

    id: str
    username: str
    email: str
    role: Literal["customer", "admin"]
    status: Literal["active", "blocked"]
    created_at: str

    @classmethod
    def of(cls, user: User) -> "UserOut":
        """Return a user for the wire."""
        return cls(
            id=user.id,
            username=user.username,
            email=user.email,
            role=user.role,
            status=user.status,
            created_at=rfc3339(user.created_at),
        )


class TokenOut(BaseModel):
    """Tokens of a session."""

    access_token: str
    refresh_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105 - the scheme's name
    expires_in: int = Field(description="Seconds until the access token expires.")

    @classmethod
    def of(cls, grant: Grant) -> "TokenOut":
        """Return a grant for the wire."""
        return cls(
            access_token=grant.access_token,
            refresh_token=grant.refresh_token,
            expires_in=grant.expires_in,
        )
