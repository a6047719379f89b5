"""What waits to be sent to a browser: answers that it asked for outlive the begin of a run.

When a run of the script begins, Streamlit throws away what the run before had drawn and not sent
yet. In the same queue stands where a chosen file may be uploaded to. Without that answer the
browser waits for ever, and the file is gone without a word: it was chosen while another one's
upload ended.
"""

from typing import Final

from streamlit.runtime import app_session
from streamlit.runtime.forward_msg_queue import ForwardMsgQueue

_ANSWERS: Final = {"file_urls_response", "backend_operation_response"}


class KeepingQueue(ForwardMsgQueue):
    """Streamlit's queue, which forgets drawings only."""

    def clear(
        self,
        retain_lifecycle_msgs: bool = False,  # noqa: FBT001, FBT002 - as Streamlit declares it
        fragment_ids_this_run: list[str] | None = None,
    ) -> None:
        """Forget what was drawn and not sent; all of it only when it has been sent."""
        waiting = self._queue
        super().clear(retain_lifecycle_msgs, fragment_ids_this_run)
        if retain_lifecycle_msgs:
            kept = {id(one) for one in self._queue}
            self._queue += [
                one for one in waiting if one.WhichOneof("type") in _ANSWERS and id(one) not in kept
            ]


def keep_answers() -> None:
    """Give a queue like this to every session that begins from now on."""
    app_session.ForwardMsgQueue = KeepingQueue  # type: ignore[attr-defined] # sessions look it up there
