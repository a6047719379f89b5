"""The press: the short-lived process that sets one paper and ends.

Typst keeps what it has set for the next ten papers, which is 2 GB for long ones, and a server would
never get that memory back. A process of its own gives everything back, can be held to limits, and
sees neither the settings of the house nor its secrets.
"""

import resource
import sys
from pathlib import Path

import typst

TEMPLATES = Path(__file__).parent
# Twice what the longest paper needs.
_MOST_MEMORY_BYTES = 2 * 1024**3
_MOST_CPU_SECONDS = 30


def press(template: str, values: str) -> bytes:
    """Return the PDF that a template makes of values, which it reads as JSON and never as markup.

    A template reaches no file outside this folder; system fonts are left out, so that a paper
    looks the same on every machine.
    """
    compiler = typst.Compiler(
        TEMPLATES / template,
        root=TEMPLATES,
        font_paths=typst.Fonts(include_system_fonts=False),
        ignore_system_fonts=True,
        package_path=TEMPLATES,
        package_cache_path=TEMPLATES,
    )
    paper = compiler.compile(format="pdf", sys_inputs={"values": values})
    assert isinstance(paper, bytes)  # noqa: S101 - a PDF is one file, however many pages it has
    return paper


def main() -> None:
    """Read values from standard input and write the paper to standard output."""
    resource.setrlimit(resource.RLIMIT_AS, (_MOST_MEMORY_BYTES, _MOST_MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (_MOST_CPU_SECONDS, _MOST_CPU_SECONDS))
    paper = press(sys.argv[1], sys.stdin.buffer.read().decode())
    sys.stdout.buffer.write(paper)


if __name__ == "__main__":
    main()
