"""A terminal in the test's hands: commands run in this process, with a folder of their own."""

import json
import os
from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

import augury.cli
from augury.kit.db import Database
from augury.kit.ids import new_id
from augury.ledger import service as ledger
from augury.users import service as users
from support.houses import PASSWORD, Server, fund


class Terminal:
    """Runs commands as one user of one machine."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.username = f"u{new_id()[-12:]}"

    def register(self, server: Server, credits_: int) -> None:
        """Make the customer; here, where hashing a password is quick."""
        email = f"{self.username}@example.com"
        db = Database(server.database_url)
        user = users.register(
            db,
            self.username,
            email,
            PASSWORD,
            opening=lambda tx, user_id: ledger.open_accounts(tx, [user_id]),
        )
        db.close()
        fund(server.database_url, user.id, credits_)

    def login(self, address: str) -> Result:
        """Sign in, the password coming by standard input."""
        told = self.run(
            "login", "--url", address, "--username", self.username, typed=f"{PASSWORD}\n"
        )
        assert told.exit_code == 0, told.output
        return told

    def run(self, *arguments: str, typed: str = "") -> Result:
        """Run a command and return what it said."""
        return CliRunner().invoke(augury.cli.app, list(arguments), input=typed)

    def ok(self, *arguments: str, typed: str = "") -> str:
        """Run a command that must work, and return what it printed."""
        told = self.run(*arguments, typed=typed)
        assert told.exit_code == 0, told.output
        return told.stdout

    def asked(self, *arguments: str, typed: str = "") -> Any:
        """Run a command that must work with `--json`, and return what it printed."""
        return json.loads(self.ok(*arguments, "--json", typed=typed))

    @property
    def available(self) -> int:
        """The credits that the customer can spend."""
        found: int = self.asked("balance")["available"]
        return found

    @property
    def session(self) -> Path:
        """Where the sign-in is kept."""
        return Path(os.environ["XDG_CONFIG_HOME"]) / "augury" / "session.json"

    def change_session(self, **values: str) -> None:
        """Change what is kept."""
        kept = json.loads(self.session.read_bytes())
        self.session.write_text(json.dumps(kept | values))
