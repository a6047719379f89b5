"""A store in a bucket of S3, or of anything that speaks its protocol."""

import errno
import hashlib
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import obstore
from obstore.exceptions import BaseError, NotFoundError
from obstore.store import S3Store as Bucket

from augury.files.store import Digest, Stored, known

_BLOCK_BYTES = 2**20
_PART_BYTES = 8 * 2**20
_PARTS_AT_ONCE = 4
_RETRIES = 4
_PATIENCE = timedelta(seconds=30)


class S3Store:
    """Files in a bucket: `s3://key:secret@bucket/prefix?endpoint=https://…&region=…`.

    Without key and secret they come from where AWS's own tools look for them.
    """

    def __init__(self, url: str) -> None:
        """Take the address; nothing is asked of the bucket yet."""
        parts = urlsplit(url)
        asked = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        given: dict[str, Any] = {}
        if parts.username:
            given["access_key_id"] = unquote(parts.username)
            given["secret_access_key"] = unquote(parts.password or "")
        if "endpoint" in asked:
            given["endpoint"] = asked["endpoint"]
        self._bucket = Bucket(
            parts.hostname or "",
            prefix=parts.path.strip("/") or None,
            region=asked.get("region", "us-east-1"),
            virtual_hosted_style_request=False,
            client_options={
                "allow_http": asked.get("endpoint", "").startswith("http://"),
                "timeout": "60s",
            },
            retry_config={"max_retries": _RETRIES, "retry_timeout": _PATIENCE},
            **given,
        )

    def put(self, content: Iterable[bytes], most_bytes: int, digest: str = "") -> Stored:
        """Keep a file; its name is known when all of it was seen, so it waits on the disk."""
        passing = Digest(content, most_bytes, digest)
        with tempfile.TemporaryFile() as draft:
            draft.writelines(passing)
            stored = passing.stored
            if not self.exists(stored.digest):
                draft.seek(0)
                with _told():
                    obstore.put(
                        self._bucket,
                        _key(stored.digest),
                        draft,
                        use_multipart=stored.bytes > _PART_BYTES,
                        chunk_size=_PART_BYTES,
                        max_concurrency=_PARTS_AT_ONCE,
                    )
        return stored

    def read(self, digest: str) -> Iterator[bytes]:
        """Yield the content of a file; raises FileNotFoundError before the first block."""
        with _told():
            found = obstore.get(self._bucket, _key(digest))

        def content() -> Iterator[bytes]:
            with _told():
                yield from map(bytes, found.stream(min_chunk_size=_BLOCK_BYTES))

        return content()

    @contextmanager
    def local(self, digest: str) -> Iterator[Path]:
        """Fetch the file for as long as the block lasts; OSError if its content is another."""
        with tempfile.NamedTemporaryFile(prefix="augury-") as copy:
            seen = hashlib.sha256()
            for block in self.read(digest):
                seen.update(block)
                copy.write(block)
            copy.flush()
            if seen.hexdigest() != digest:
                message = f"the store has another content under {digest}"
                raise OSError(message)
            yield Path(copy.name)

    def exists(self, digest: str) -> bool:
        """Tell whether a file is there."""
        try:
            self.size(digest)
        except FileNotFoundError:
            return False
        return True

    def size(self, digest: str) -> int:
        """Return how many bytes a file has."""
        with _told():
            return obstore.head(self._bucket, _key(digest))["size"]

    def delete(self, digest: str) -> None:
        """Remove a file."""
        if self.exists(digest):
            with _told():
                obstore.delete(self._bucket, _key(digest))


def _key(digest: str) -> str:
    digest = known(digest)
    return f"{digest[:2]}/{digest[2:4]}/{digest}"


@contextmanager
def _told() -> Iterator[None]:
    """Turn what the library raises into what a store raises."""
    try:
        yield
    except (NotFoundError, FileNotFoundError) as error:
        raise FileNotFoundError(errno.ENOENT, "no such file in the store") from error
    except BaseError as error:
        message = f"the store failed: {type(error).__name__}"
        raise OSError(message) from error
