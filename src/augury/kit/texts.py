"""Texts for people, from gettext catalogues in `augury/locale/<language>/<domain>.po`.

Keys stand in the code (`refusal.insufficient_credits`), sentences in the catalogues, one file per
language and domain; a large domain is a folder of such files. The `.po` files are compiled in
memory at start: no binary is committed.
"""

import gettext
import re
from functools import cache, lru_cache
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

LANGUAGES = ("en", "ru")
_LOCALE = Path(__file__).parent.parent / "locale"


class Texts:
    """The sentences of one domain in one language."""

    def __init__(self, domain: str, language: str) -> None:
        """Read and compile the domain's catalogue, or all of its folder."""
        catalogue = _catalogue(domain, language)
        compiled = BytesIO()
        write_mo(compiled, catalogue)
        compiled.seek(0)
        self.language = language
        self.keys = frozenset(
            message.id if isinstance(message.id, str) else message.id[0]
            for message in catalogue
            if message.id
        )
        self._translations = gettext.GNUTranslations(compiled)

    def text(self, key: str, **values: object) -> str:
        """Return the sentence for `key` with `{names}` filled in, or raise KeyError."""
        self._require(key)
        return self._translations.gettext(key).format(**values)

    def count(self, key: str, number: int, **values: object) -> str:
        """Return the form of `key` that fits `number`, which the text may name as `{number}`."""
        self._require(key)
        return self._translations.ngettext(key, key, number).format(number=number, **values)

    def _require(self, key: str) -> None:
        if key not in self.keys:
            message = f"no text {key!r} in language {self.language!r}"
            raise KeyError(message)


def files_of(domain: str, language: str) -> list[Path]:
    """Return the files that a domain's sentences stand in; at least one, or FileNotFoundError."""
    folder = _LOCALE / language / domain
    if not folder.is_dir():
        return [folder.with_suffix(".po")]
    return sorted(folder.glob("*.po"))


def _catalogue(domain: str, language: str) -> Catalog:
    first, *others = files_of(domain, language)
    with first.open("rb") as source:
        catalogue = read_po(source, locale=language)
    for other in others:
        with other.open("rb") as source:
            for message in read_po(source, locale=language):
                if message.id:
                    catalogue[message.id] = message
    return catalogue


@cache
def texts(domain: str, language: str) -> Texts:
    """Return the shared `Texts` of a domain; a language without catalogue falls back to English."""
    return Texts(domain, language if language in LANGUAGES else "en")


@lru_cache(maxsize=256)
def preferred_language(accept_language: str | None) -> str:
    """Return the most wanted language of an `Accept-Language` header that has a catalogue."""
    wanted = []
    for place, part in enumerate((accept_language or "").lower().split(",")[:10]):
        tag, _, weight = part.partition(";q=")
        if tag.strip()[:2] in LANGUAGES and (not weight or _WEIGHT.fullmatch(weight.strip())):
            wanted.append((-float(weight or 1), place, tag.strip()[:2]))
    return min(wanted)[2] if wanted else "en"


_WEIGHT = re.compile(r"[01](\.\d{0,3})?")
