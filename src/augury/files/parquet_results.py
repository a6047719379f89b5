"""Writing results as Parquet: parts are Arrow batches, and row groups are made as they stream."""

from collections.abc import Iterable, Iterator, Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from augury.files.answers import Added, Answer
from augury.files.cells import Field
from augury.files.forms import Chunk, Form

_GROUP_ROWS = 100_000
_GROUP_BYTES = 2**25
_TYPES = {"number": pa.float64(), "integer": pa.int64(), "category": pa.string()}
# Packing costs ten times what all the rest of a part does. It is for what unfolds: parts of small
# rows take no more room together than a file may.
_SMALL_ROW_BYTES = 256
_PLAIN = pa.ipc.IpcWriteOptions()
_PACKED = pa.ipc.IpcWriteOptions(compression="zstd")


class ParquetResults:
    """Results as Parquet, whose schema is that of the file and the outputs."""

    def __init__(self, form: Form, outputs: Sequence[Field], added: Added) -> None:
        """Take the form, the outputs with their types, and the columns that are added."""
        self.types: dict[str, pa.DataType] = {one.name: _TYPES[one.type] for one in outputs}
        self._schema = pa.ipc.read_schema(pa.py_buffer(form.schema))
        # Hardly a number of ours comes twice: to look for those that do takes a third of the time.
        words = [added.outputs[one.name] for one in outputs if one.type == "category"]
        self._repeating = [*self._schema.names, *words, added.error]
        for name, kind in zip(added.names, [*self.types.values(), pa.string()], strict=True):
            self._schema = self._schema.append(pa.field(name, kind))

    def part(self, chunk: Chunk, answers: Sequence[Answer]) -> bytes:
        """Return a batch as Arrow writes it: quick to make, and never read by anybody else."""
        outputs = [given or {} for given, _ in answers]
        added = [
            pa.array([given.get(name) for given in outputs], kind)
            for name, kind in self.types.items()
        ]
        errors = pa.array([error for _, error in answers], pa.string())
        return self.packed([*chunk.origin.columns, *added, errors])

    def packed(self, columns: list[pa.Array]) -> bytes:
        """Return all columns of a part, those of the file and those that are added."""
        batch = pa.RecordBatch.from_arrays(columns, schema=self._schema)
        options = _PLAIN if batch.nbytes <= _SMALL_ROW_BYTES * batch.num_rows else _PACKED
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, self._schema, options=options) as writer:
            writer.write_batch(batch)
        content: bytes = sink.getvalue().to_pybytes()
        return content

    def joined(self, parts: Iterable[bytes]) -> Iterator[bytes]:
        """Yield one file: some parts at a time become a row group, and the footer comes last."""
        sink = _Sink()
        with pq.ParquetWriter(
            pa.PythonFile(sink, mode="w"),
            self._schema,
            use_dictionary=self._repeating,
            write_statistics=False,
        ) as writer:
            waiting: list[pa.RecordBatch] = []
            for part in parts:
                waiting.extend(pa.ipc.open_stream(part))
                if (
                    sum(batch.num_rows for batch in waiting) >= _GROUP_ROWS
                    or sum(batch.nbytes for batch in waiting) >= _GROUP_BYTES
                ):
                    writer.write_table(pa.Table.from_batches(waiting, self._schema))
                    waiting = []
                    yield sink.taken()
            if waiting:
                writer.write_table(pa.Table.from_batches(waiting, self._schema))
        yield sink.taken()


class _Sink:
    """What the writer writes to: it keeps what nobody has taken yet."""

    closed = False

    def __init__(self) -> None:
        self._blocks: list[bytes] = []

    def write(self, block: bytes) -> int:
        self._blocks.append(bytes(block))
        return len(block)

    def taken(self) -> bytes:
        """Return what was written since the last time."""
        content = b"".join(self._blocks)
        self._blocks.clear()
        return content

    def flush(self) -> None:
        """There is nothing to wait for."""

    def close(self) -> None:
        """There is nothing to close."""
