"""A small S3 for tests: objects in memory, multipart uploads, and signatures that are checked."""

import hashlib
import hmac
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, quote, urlsplit

KEY, SECRET = "AKIDTEST", "a/secret+with signs"


class Shelf(ThreadingHTTPServer):
    """The server, with what it holds by path."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.objects: dict[str, bytes] = {}
        self.uploads: dict[str, dict[int, bytes]] = {}
        self.broken = False

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Shelf

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - named so by its base
        pass

    def _handle(self) -> None:
        body = self._body()
        parts = urlsplit(self.path)
        asked = dict(parse_qsl(parts.query, keep_blank_values=True))
        if self.server.broken:
            self._answer(501, _error("NotImplemented"))
        elif not self._signed(body):
            self._answer(403, _error("SignatureDoesNotMatch"))
        else:
            getattr(self, f"_{self.command.lower()}")(parts.path, asked, body)

    do_GET = do_HEAD = do_PUT = do_POST = _handle  # noqa: N815 - named so by its base

    def _get(self, path: str, _asked: dict[str, str], _body: bytes) -> None:
        content = self.server.objects.get(path)
        if content is None:
            self._answer(404, _error("NoSuchKey"))
        else:
            self._answer(200, content)

    _head = _get

    def _put(self, path: str, asked: dict[str, str], body: bytes) -> None:
        if "uploadId" in asked:
            self.server.uploads[asked["uploadId"]][int(asked["partNumber"])] = body
        else:
            self.server.objects[path] = body
        self._answer(200)

    def _post(self, path: str, asked: dict[str, str], body: bytes) -> None:
        if "delete" in asked:
            keys = re.findall(r"<Key>([^<]*)</Key>", body.decode())
            for key in keys:
                self.server.objects.pop(f"{path.rstrip('/')}/{key}", None)
            gone = "".join(f"<Deleted><Key>{key}</Key></Deleted>" for key in keys)
            self._answer(200, f"<DeleteResult>{gone}</DeleteResult>".encode())
            return
        if "uploads" in asked:
            upload = f"u{len(self.server.uploads)}"
            self.server.uploads[upload] = {}
            name = "InitiateMultipartUploadResult"
            self._answer(200, f"<{name}><UploadId>{upload}</UploadId></{name}>".encode())
            return
        pieces = self.server.uploads.pop(asked["uploadId"])
        self.server.objects[path] = b"".join(pieces[number] for number in sorted(pieces))
        name = "CompleteMultipartUploadResult"
        self._answer(200, f"<{name}><ETag>x</ETag></{name}>".encode())

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _answer(self, status: int, body: bytes = b"") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", f'"{hashlib.sha256(body).hexdigest()}"')
        self.send_header("Last-Modified", formatdate(0, usegmt=True))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _signed(self, body: bytes) -> bool:
        """Tell whether the request has a right signature of version 4."""
        form = r"AWS4-HMAC-SHA256 Credential=([^/]+)/(.+), ?SignedHeaders=(.+), ?Signature=(\w+)"
        given = re.fullmatch(form, self.headers.get("Authorization", ""))
        if not given or given[1] != KEY:
            return False
        parts = urlsplit(self.path)
        query = sorted(parse_qsl(parts.query, keep_blank_values=True))
        promised = self.headers["x-amz-content-sha256"]
        if promised not in {"UNSIGNED-PAYLOAD", hashlib.sha256(body).hexdigest()}:
            return False
        request = [
            self.command,
            parts.path,
            "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in query),
            *(f"{name}:{self.headers[name].strip()}" for name in given[3].split(";")),
            "",
            given[3],
            promised,
        ]
        digest = hashlib.sha256("\n".join(request).encode()).hexdigest()
        text = "\n".join(["AWS4-HMAC-SHA256", self.headers["x-amz-date"], given[2], digest])
        key = f"AWS4{SECRET}".encode()
        for step in [*given[2].split("/"), text]:
            key = hmac.digest(key, step.encode(), "sha256")
        return hmac.compare_digest(key.hex(), given[4])


def _error(code: str) -> bytes:
    return f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()


@contextmanager
def served() -> Iterator[Shelf]:
    """Serve an empty S3 for as long as the block lasts."""
    with Shelf() as shelf:
        thread = threading.Thread(target=shelf.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield shelf
        finally:
            shelf.shutdown()
            thread.join()
