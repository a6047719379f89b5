"""What travels over the wire about users."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from augury.kit.clock import rfc3339
from augury.users.service import Grant, User
from augury.users.sessions import Session

Language = Literal["en", "ru"]


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
    language: Language = Field(description="Of e-mails and papers.")

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
            language="ru" if user.language == "ru" else "en",
        )


_PASSWORD = "The present password."  # noqa: S105 - about one


class PasswordForgotten(BaseModel):
    """Whose password is forgotten."""

    model_config = ConfigDict(extra="forbid")

    email: str = Field(min_length=3, max_length=254, examples=["anna@example.com"])


class PasswordReset(BaseModel):
    """A new password by a link that was sent."""

    model_config = ConfigDict(extra="forbid")

    token: str = Field(min_length=1, max_length=200, description="The link's part after `token=`.")
    password: str = Field(
        min_length=1, max_length=1000, description="The rules are those of registration."
    )


class PasswordChange(BaseModel):
    """A new password for the old one."""

    model_config = ConfigDict(extra="forbid")

    current_password: str = Field(min_length=1, max_length=1000, description=_PASSWORD)
    new_password: str = Field(
        min_length=1, max_length=1000, description="The rules are those of registration."
    )


class EmailChange(BaseModel):
    """Another e-mail address."""

    model_config = ConfigDict(extra="forbid")

    current_password: str = Field(min_length=1, max_length=1000, description=_PASSWORD)
    email: str = Field(min_length=3, max_length=254, examples=["anna@example.com"])


class MePatch(BaseModel):
    """What is to change about the caller."""

    model_config = ConfigDict(extra="forbid")

    language: Language = Field(description="Of e-mails and papers.")


class Farewell(BaseModel):
    """The end of an account."""

    model_config = ConfigDict(extra="forbid")

    password: str = Field(min_length=1, max_length=1000, description=_PASSWORD)
    forfeit_credits: bool = Field(
        default=False, description="Gives up the credits that are left; without, none may be."
    )


class EndedOut(BaseModel):
    """How many sessions were ended."""

    ended_sessions: int


class SessionOut(BaseModel):
    """Where somebody is signed in."""

    id: str
    created_at: str
    last_used_at: str = Field(description="To about a quarter of an hour.")
    address: str | None = Field(description="From where it was last used.", examples=["192.0.2.7"])
    agent: str | None = Field(
        description="Which program, in short.", examples=["Firefox 141, Linux"]
    )
    current: bool = Field(description="Whether this very request is made in it.")

    @classmethod
    def of(cls, session: Session, current_id: str) -> "SessionOut":
        """Return a session for the wire."""
        return cls(
            id=session.id,
            created_at=rfc3339(session.created_at),
            last_used_at=rfc3339(session.last_used_at),
            address=session.address,
            agent=session.agent,
            current=session.id == current_id,
        )


class SessionPage(BaseModel):
    """Sessions, newest first."""

    items: list[SessionOut]
    next_cursor: str | None


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
