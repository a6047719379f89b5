"""The address of a broker, which holds a password."""

from urllib.parse import quote, urlsplit, urlunsplit


def without_password(url: str) -> str:
    """Return the address of a broker as people may see it."""
    parts = urlsplit(url)
    user = f"{quote(parts.username)}:***@" if parts.username else "***@" if parts.password else ""
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
    port = f":{parts.port}" if parts.port else ""
    return urlunsplit((parts.scheme, user + host + port, parts.path, "", ""))
