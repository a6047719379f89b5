"""Pages without JavaScript: the sandbox's bank, and where a payer comes back to."""

from functools import cache
from typing import Any

from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from augury.kit.texts import texts

_HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline';"
    " base-uri 'none'; frame-ancestors 'none'",
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("augury.api", "pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def render_page(
    name: str, language: str, *, refresh_seconds: int | None = None, **values: Any
) -> HTMLResponse:
    """Return a page of `augury/api/pages` in a language; it loads itself again if told to."""
    html = (
        _environment()
        .get_template(name)
        .render(
            language=language,
            text=texts("pages", language).text,
            refresh=refresh_seconds,
            **values,
        )
    )
    return HTMLResponse(html, headers={**_HEADERS, "content-language": language})
