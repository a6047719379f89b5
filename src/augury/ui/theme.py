"""How the cabinet looks, and which of Streamlit's habits it does without."""

from collections.abc import Mapping
from typing import Final

# As large as a page takes a file: about a hundred thousand applicants.
MOST_BATCH_MEGABYTES: Final = 8
# The largest artefact, unless the operator allows larger ones: those come by `augury publish`.
MOST_MODEL_MEGABYTES: Final = 100
_LIGHT: Final[Mapping[str, object]] = {
    "primaryColor": "#0b7285",
    "backgroundColor": "#fbfcfd",
    "secondaryBackgroundColor": "#f1f4f6",
    "textColor": "#1b2733",
    "borderColor": "#dde3e8",
    "linkColor": "#0b7285",
    "grayTextColor": "#4d5963",
    "grayBackgroundColor": "#e9edf0",
}
_DARK: Final[Mapping[str, object]] = {
    "primaryColor": "#45c4d4",
    "backgroundColor": "#12181e",
    "secondaryBackgroundColor": "#1b232b",
    "textColor": "#e4eaef",
    "borderColor": "#2f3a44",
    "linkColor": "#4cc3d3",
    "grayTextColor": "#b4bfc8",
    "grayBackgroundColor": "#2a333c",
}
_BOTH: Final[Mapping[str, object]] = {
    "theme.baseRadius": "0.5rem",
    "theme.paddingTop": "1.5rem",
    "theme.showWidgetBorder": True,
    "theme.showSidebarBorder": True,
    "theme.headingFontWeights": [650, 600, 600],
    "theme.headingFontSizes": ["2rem", "1.4rem", "1.15rem"],
    "theme.metricValueFontSize": "1.7rem",
}


def streamlit_config(host: str, port: int) -> dict[str, object]:
    """Return every Streamlit option that differs from its default."""
    return {
        "server.address": host,
        "server.port": port,
        "server.headless": True,
        "server.fileWatcherType": "none",
        "server.runOnSave": False,
        "server.enableAgentApi": False,
        "server.showEmailPrompt": False,
        # For models; `web/uploads.py` lets nobody but administrators send as much.
        "server.maxUploadSize": MOST_MODEL_MEGABYTES,
        "browser.gatherUsageStats": False,
        "client.showErrorDetails": "none",
        "client.showErrorLinks": False,
        "client.toolbarMode": "minimal",
        "logger.hideWelcomeMessage": True,
        "runner.magicEnabled": False,
        # By default every run ends with a full garbage collection: 70 ms of nothing a page.
        "runner.postScriptGC": False,
        **_BOTH,
        **{f"theme.light.{name}": value for name, value in _LIGHT.items()},
        **{f"theme.dark.{name}": value for name, value in _DARK.items()},
    }
