"""Papers as their reader sees them: the text of each page, its fonts, its picture."""

from io import BytesIO
from typing import Any

from pypdf import PdfReader


def pages(paper: bytes) -> list[str]:
    """Return the text of each page, with plain spaces and no invisible breaks."""
    read = [page.extract_text() for page in PdfReader(BytesIO(paper)).pages]
    return [_plain(text) for text in read]


def _plain(text: str) -> str:
    return text.replace("\u00a0", " ").replace("\u202f", " ").replace("\u200b", "")


def one_line(paper: bytes) -> str:
    """Return the text of a whole paper with single spaces, however it was broken into lines."""
    return " ".join(" ".join(pages(paper)).split())


def fonts(paper: bytes) -> dict[str, bool]:
    """Return the fonts of all pages, and whether each is embedded."""
    found: dict[str, bool] = {}
    for page in PdfReader(BytesIO(paper)).pages:
        resources: Any = page["/Resources"]
        for reference in resources["/Font"].values():
            font = reference.get_object()
            for below in font.get("/DescendantFonts", [font]):
                descriptor = below.get_object()["/FontDescriptor"].get_object()
                embedded = {"/FontFile", "/FontFile2", "/FontFile3"} & set(descriptor)
                found[str(font["/BaseFont"])] = bool(embedded)
    return found
