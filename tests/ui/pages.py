"""Pages of the cabinet, run by Streamlit's own test harness."""

from collections.abc import Callable
from pathlib import Path

from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from augury.ui import visit

Open = Callable[..., AppTest]
SCRIPT = Path(visit.__file__).with_name("script.py")
# Only what hangs takes longer; the harness by itself would wait for three seconds.
DRAWN_WITHIN_SECONDS = 200


def open_at(path: str, query: dict[str, str]) -> AppTest:
    """Open a page of the cabinet by its path."""
    page = AppTest.from_file(str(SCRIPT), default_timeout=DRAWN_WITHIN_SECONDS)
    page.query_params.update(query)
    page.run()
    if path:
        # The harness switches pages by file; ours are functions, known by the hash of their path.
        page._page_hash = calc_hash(path)
        page.run()
    return page


def words(page: AppTest) -> str:
    """Return everything that the page says."""
    sentences = (page.title, page.header, page.subheader, page.markdown, page.caption)
    boxes = (page.error, page.warning, page.info)
    parts = [str(one.value) for kind in sentences for one in kind]
    parts += [str(one.value) for kind in boxes for one in kind]
    parts += [f"{metric.label} {metric.value}" for metric in page.metric]
    parts += [button.label for button in page.button]
    parts += [str(table.value.to_dict("records")) for table in page.table]
    return spoken("\n".join(parts))


def spoken(text: str) -> str:
    """Return `text` as it is read out: without Markdown's escapes, every space alike."""
    return " ".join(text.replace("\\", "").split())


def press(page: AppTest, label: str) -> None:
    """Click the button whose label begins like this."""
    next(one for one in page.button if one.label.startswith(label)).click().run()


def links(page: AppTest) -> dict[str, str]:
    """Return where the page's link buttons lead, by their labels."""
    return {spoken(link.label): link.url for link in page.link_button}
