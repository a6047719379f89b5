"""What a browser asked for is sent to it, though a run of the script begins just then."""

import asyncio
from pathlib import Path
from unittest.mock import MagicMock

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime import app_session
from streamlit.runtime.forward_msg_queue import ForwardMsgQueue
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.script_data import ScriptData

from augury.ui.web.queues import KeepingQueue, keep_answers


@pytest.fixture(autouse=True)
def _streamlits_own_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app_session, "ForwardMsgQueue", ForwardMsgQueue)


def sent_after_a_run_began(script: Path) -> list[str]:
    """Return the kinds of what is sent when a file was asked about just before a run begins."""

    async def session() -> list[str]:
        opened = app_session.AppSession(
            script_data=ScriptData(str(script), is_hello=False),
            uploaded_file_manager=MemoryUploadedFileManager("/upload"),
            script_cache=MagicMock(),
            message_enqueued_callback=None,
            user_info={},
        )
        asked = BackMsg()
        asked.file_urls_request.request_id = "one"
        asked.file_urls_request.file_names.append("model.onnx")
        opened.handle_backmsg(asked)
        opened._clear_queue()
        return [str(one.WhichOneof("type")) for one in opened.flush_browser_queue()]

    return asyncio.run(session())


def test_where_a_file_goes_is_told_though_a_run_begins(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.touch()
    # When this fails, Streamlit keeps them itself: `queues` can go.
    assert sent_after_a_run_began(script) == []
    keep_answers()
    assert sent_after_a_run_began(script) == ["file_urls_response"]


@pytest.mark.parametrize("fragments", [None, ["of another part"]])
def test_nothing_else_is_kept_and_nothing_is_sent_twice(fragments: list[str] | None) -> None:
    queue, answer, other, drawn = KeepingQueue(), ForwardMsg(), ForwardMsg(), ForwardMsg()
    other.backend_operation_response.request_id = "two"
    answer.file_urls_response.response_id = "one"
    drawn.delta.new_element.text.body = "drawn before"
    drawn.delta.fragment_id = "of another part"
    for one in (drawn, answer, other):
        queue.enqueue(one)
    queue.clear(retain_lifecycle_msgs=True, fragment_ids_this_run=fragments)
    assert queue.flush() == [answer, other]
    assert queue.is_empty()
