"""What the routes and the script share: one per process, opened before the first request."""

from msgspec import Struct

from augury.client import Client, Patience
from augury.ui.web.sealing import Sealer
from augury.ui.web.sessions import Sessions
from augury.ui.web.tickets import Tickets

# A person waits for every page: give up early, say so, and let the page recover by itself.
_PATIENCE = Patience(attempts=2, longest_pause_seconds=1.0)
_TIMEOUT_SECONDS = 20.0


class Hub(Struct, frozen=True):
    """The way to the API, and who came in through this process."""

    api: Client
    sessions: Sessions
    tickets: Tickets
    sealer: Sealer
    public_api_url: str | None = None


_opened: list[Hub] = []


def new_client(api_url: str) -> Client:
    """Return the client that the cabinet talks through."""
    return Client(api_url, timeout_seconds=_TIMEOUT_SECONDS, patience=_PATIENCE)


def open_hub(api: Client, secret: str, public_api_url: str | None = None) -> Hub:
    """Return the process's hub, made anew; the script reaches it by `hub`."""
    made = Hub(
        api=api,
        sessions=Sessions(api),
        tickets=Tickets(),
        sealer=session_sealer(secret),
        public_api_url=public_api_url,
    )
    _opened[:] = [made]
    return made


def session_sealer(secret: str) -> Sealer:
    """Return what seals the cookies of a cabinet with this secret."""
    return Sealer(secret, "ui-session")


def hub() -> Hub:
    """Return what `open_hub` made."""
    return _opened[0]
