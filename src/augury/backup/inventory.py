"""The inventory of a backup: what is in the file, and what was known about it when it was made."""

import hashlib
import hmac
import re

import msgspec

from augury.backup.trouble import BackupTrouble
from augury.kit.decoding import decode
from augury.ledger.audit import Finding, Report
from augury.settings import Settings

# 2: with the files of batches.
FORMAT = 2
DATABASE = "database"
SECRET_KEY = "secret_key"  # noqa: S105 -- the name of a file
ARTIFACTS = "artifacts"
FILES = "files"
_MEMBER = re.compile(
    rf"{DATABASE}|{SECRET_KEY}|{FILES}/[0-9a-f]{{64}}"
    rf"|{ARTIFACTS}/[0-9a-f]{{64}}(?:\.[a-z0-9]{{1,16}})?"
)
_KEY_PURPOSE = b"backup"


class Member(msgspec.Struct, frozen=True):
    """A file in the backup."""

    sha256: str
    bytes: int


class Dump(msgspec.Struct, frozen=True):
    """How a PostgreSQL database was copied: the major version of pg_dump, and the schema."""

    program: int
    schema: str


class Books(msgspec.Struct, frozen=True):
    """What the audit of the copy found."""

    accounts: int
    transfers: int
    credits_with_customers: int
    findings: list[Finding]

    @classmethod
    def of(cls, report: Report) -> "Books":
        """Return what is kept of an audit."""
        return cls(
            report.accounts, report.transfers, report.credits_with_customers, report.findings
        )


class Inventory(msgspec.Struct, frozen=True):
    """Everything about a backup but its content. Moments are microseconds since 1970, UTC."""

    format: int
    program: str
    made_at: int
    dialect: str
    dump: Dump | None
    revision: str
    # None when the database was of an older revision than the program, which could not read it.
    books: Books | None
    # Tells whether a signing key is the same, and nothing else about it.
    key_fingerprint: str
    # Artefacts that the database names and the house did not have, by their SHA-256.
    missing_artifacts: list[str]
    members: dict[str, Member]
    # Files of batches that the database names and the store of the house did not have.
    missing_files: list[str] = []


class _Format(msgspec.Struct):
    format: int


def read_inventory(text: bytes) -> Inventory:
    """Return the inventory that a text means, or raise `BackupTrouble`."""
    try:
        if decode(text, _Format).format > FORMAT:
            message = "This backup was made by a newer Augury; restore it with that one."
            raise BackupTrouble(message)
        inventory = decode(text, Inventory)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        message = f"The backup's inventory cannot be read: {error}."
        raise BackupTrouble(message) from error
    odd = [name for name in inventory.members if not _MEMBER.fullmatch(name)]
    if odd or DATABASE not in inventory.members:
        message = "The backup's inventory names files that no backup has."
        raise BackupTrouble(message)
    return inventory


def key_fingerprint(settings: Settings) -> str:
    """Return what tells this signing key from others."""
    key = settings.secret_key.get_secret_value().encode()
    return hmac.digest(key, _KEY_PURPOSE, hashlib.sha256).hex()[:16]
