"""Programs and systems, as people call them, from what a program says of itself."""

import re

_LONGEST = 64
# The first that fits: browsers say that they are their forebears, too.
_PROGRAMS = (
    ("Yandex Browser", r"YaBrowser/(\d+)"),
    ("Edge", r"Edg(?:A|iOS)?/(\d+)"),
    ("Opera", r"OPR/(\d+)"),
    ("Samsung Internet", r"SamsungBrowser/(\d+)"),
    ("Firefox", r"(?:Firefox|FxiOS)/(\d+)"),
    ("Chrome", r"(?:Headless)?(?:Chrome|CriOS)/(\d+)"),
    ("Safari", r"Version/(\d+)\S* (?:Mobile/\S+ )?Safari/"),
)
_SYSTEMS = (
    ("Android", "Android"),
    ("iOS", r"iPhone|iPad"),
    ("Windows", "Windows"),
    ("macOS", "Mac OS X|Macintosh"),
    ("ChromeOS", "CrOS"),
    ("Linux", "Linux|X11"),
)
_NAME = re.compile(r"[\w.\-]+(?:/\d+)?", re.ASCII)


def shortened(agent: str) -> str:
    """Return `Firefox 141, Linux` of a browser, of others the first word that they say."""
    for name, pattern in _PROGRAMS:
        found = re.search(pattern, agent)
        if found:
            system = next((one for one, sign in _SYSTEMS if re.search(sign, agent)), None)
            return f"{name} {found[1][:6]}" + (f", {system}" if system else "")
    named = _NAME.match(agent)
    return named[0][:_LONGEST] if named else ""
