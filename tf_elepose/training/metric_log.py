"""The training's numbers as they come: one JSON line a step in metrics.jsonl, and TensorBoard scalars."""

from __future__ import annotations

import errno
import json
import os
import pathlib
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from tf_elepose import files


class MetricLog:
    """Appends `{"step": 100, "loss": 0.25, ...}` lines to a file, and the same numbers to TensorBoard.

    A number that is not finite is written as null, since JSON has no NaN; TensorBoard gets it as it is. Every line is
    handed to the operating system at once, so a killed process loses none; `sync` brings them to the disk. Opening a
    file whose last line was cut off (a power failure) removes that line.
    """

    def __init__(
        self, path_jsonl: str | os.PathLike[str], tensorboard_folder: str | os.PathLike[str] | None = None
    ) -> None:
        """
        Args:
          path_jsonl: the file; its folder must exist. Lines are added to what it holds.
          tensorboard_folder: where event files go; None for none (then TensorFlow is not imported).

        Raises:
          ValueError: the file holds something else than lines of JSON.
          OSError: the file cannot be written.
        """
        self._path = pathlib.Path(path_jsonl)
        if self._path.exists():
            kept, whole = _read_lines(self._path)
            if not whole:
                self._rewrite(kept)
        self._file: int | None = self._open()
        self._tensorboard = None if tensorboard_folder is None else _TensorBoard(tensorboard_folder)

    def write(self, step: int, values: Mapping[str, Any], **extra: Any) -> None:
        """Appends one line.

        Args:
          step: training steps done.
          values: numbers by name; anything `float` takes, such as an eager scalar tensor.
          **extra: plain JSON values that go into the line but not to TensorBoard, such as phase="prior".

        Raises:
          ValueError: a name given twice, a value that is no number, an extra that is not JSON.
          OSError: no space, ...: names the file, which keeps its whole lines.
        """
        if clash := sorted((set(values) & set(extra)) | ({"step"} & (set(values) | set(extra)))):
            raise ValueError(f"{self._path}: {', '.join(clash)} given twice for one line")
        try:
            numbers = {name: float(value) for name, value in values.items()}
            record = {"step": int(step)} | extra | files.finite_or_null(numbers)
            line = json.dumps(record, allow_nan=False, ensure_ascii=False) + "\n"
        except (TypeError, ValueError) as error:
            raise ValueError(f"{self._path}: step {step} cannot be logged ({error})") from error
        self._append(line.encode("utf-8"))
        if self._tensorboard is not None:
            self._tensorboard.write(int(step), numbers)

    def truncate_after(self, step: int, **matching: Any) -> None:
        """Drops the lines of steps later than `step`, all at once.

        A run that was killed after logging and before its next checkpoint would log those steps twice. TensorBoard's
        files cannot be shortened; it shows such steps twice.

        Args:
          step: the step that is resumed from.
          **matching: drops only lines with these extras, for example phase="prior" where phases count separately.
        """
        kept, whole = _read_lines(self._path)
        remaining = [
            record
            for record in kept
            if record["step"] <= step or any(record.get(name) != value for name, value in matching.items())
        ]
        if whole and len(remaining) == len(kept):
            return
        self._close_file()
        self._rewrite(remaining)
        self._file = self._open()

    def sync(self) -> None:
        """Brings the lines so far to the disk, for instance before the checkpoint that goes with them."""
        if self._file is None:
            return
        try:
            os.fsync(self._file)
        except OSError as error:
            raise self._named(error) from error
        if self._tensorboard is not None:
            self._tensorboard.flush()

    def close(self) -> None:
        """Syncs and closes; may be called twice."""
        try:
            self.sync()
        finally:
            self._close_file()
            if self._tensorboard is not None:
                self._tensorboard.close()
                self._tensorboard = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _open(self) -> int:
        try:
            return os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o666)
        except OSError as error:
            raise self._named(error) from error

    def _append(self, line: bytes) -> None:
        if self._file is None:
            raise ValueError(f"{self._path}: the metric log is closed")
        before = os.fstat(self._file).st_size
        rest = memoryview(line)
        try:
            while rest:  # A nearly full disk takes a part of a line before it reports that it is full.
                rest = rest[os.write(self._file, rest) :]
        except OSError as error:
            os.ftruncate(self._file, before)
            raise self._named(error) from error

    def _rewrite(self, records: list[dict[str, Any]]) -> None:
        files.write_text(self._path, "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in records))

    def _close_file(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _named(self, error: OSError) -> OSError:
        what = error.strerror or str(error)
        return OSError(error.errno or errno.EIO, f"cannot be written: {what}", str(self._path))


def read_metric_log(path: str | os.PathLike[str]) -> list[dict[str, Any]]:
    """The lines of a metric log, in order; null (a number that was not finite) is None; a cut-off end is left out.

    Raises:
      ValueError: there is no such file, or a whole line is not a JSON object with a step; names file and line.
      OSError: it is there but cannot be read.
    """
    return _read_lines(pathlib.Path(path))[0]


def _read_lines(path: pathlib.Path) -> tuple[list[dict[str, Any]], bool]:
    """(records, whether the file ends with a whole line)."""
    try:
        data = path.read_bytes()
    except (FileNotFoundError, IsADirectoryError) as error:
        raise ValueError(f"{path}: expected a metric log; {error.strerror}") from error
    *lines, last = data.split(b"\n")  # `last` is empty when the file ends with a whole line.
    records: list[dict[str, Any]] = []
    for number, line in enumerate(lines, start=1):
        record = _record(line)
        if record is None:
            raise ValueError(f"{path}, line {number}: expected a JSON object with a step; got {line[:60]!r}")
        records.append(record)
    if (record := _record(last)) is not None:
        records.append(record)
    return records, not last


def _record(line: bytes) -> dict[str, Any] | None:
    try:
        record = json.loads(line.decode("utf-8"))
    except ValueError:
        return None
    valid = isinstance(record, dict) and isinstance(record.get("step"), int)
    return record if valid else None


class _TensorBoard:
    """Scalars in TensorBoard's event files."""

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        import tensorflow as tf  # Only here: reading and writing the JSON lines needs none.

        self._tf = tf
        self._writer = tf.summary.create_file_writer(os.fspath(folder))

    def write(self, step: int, values: Mapping[str, float]) -> None:
        with self._writer.as_default():
            for name, value in values.items():
                self._tf.summary.scalar(name, value, step=step)

    def flush(self) -> None:
        self._writer.flush()

    def close(self) -> None:
        self._writer.close()
