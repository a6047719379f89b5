"""Forms with one file."""

from typing import Any

from fastapi import Request
from starlette.datastructures import UploadFile

from augury.api.errors import UnsupportedMediaType
from augury.kit.errors import invalid

_MULTIPART = "multipart/form-data"
# What a form puts around its file.
FORM_BYTES = 64 * 1024

# How OpenAPI describes such a form.
FILE_FORM: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            _MULTIPART: {
                "schema": {
                    "type": "object",
                    "properties": {"file": {"type": "string", "format": "binary"}},
                    "required": ["file"],
                }
            }
        },
    }
}


async def uploaded_file(request: Request) -> bytes:
    """Return the content of the part `file`; call it only when it is known who sends it."""
    if not request.headers.get("content-type", "").lower().startswith(_MULTIPART):
        raise UnsupportedMediaType(expected=_MULTIPART)
    async with request.form(max_files=1, max_fields=1) as form:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise invalid("/file", "fault.file_needed")
        return await file.read()
