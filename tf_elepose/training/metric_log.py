"""Logs the numbers of a training: one JSON line a step in metrics.jsonl, and TensorBoard scalars."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import pathlib
import re
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, Self

from absl import logging

from tf_elepose.storage import files

_INSIDE_TENSORFLOW = re.compile(r"\{\{.*?\}\}\s*|\s*\[Op:.*", re.DOTALL)  # Internals around a message.


class MetricLog:
    """Appends `{"step": 100, "loss": 0.25, ...}` lines to a file, and the same numbers to TensorBoard.

    A number that is not finite is written as null, because JSON has no NaN; TensorBoard gets the number itself. Every
    line goes to the operating system at once, so a killed process loses none; `sync` writes them to the disk. Where the
    last line of an existing file was cut off (a power failure), opening the file removes that line.
    """

    def __init__(
        self, path_jsonl: str | os.PathLike[str], tensorboard_folder: str | os.PathLike[str] | None = None
    ) -> None:
        """Opens the files to write to.

        Args:
          path_jsonl: the file; its folder must exist. Lines are added after its lines.
          tensorboard_folder: for event files; None for none (then TensorFlow is not imported).

        Raises:
          ValueError: the file holds something else than lines of JSON.
          OSError: the file, or the folder of event files, cannot be written; names it.
        """
        self._path = pathlib.Path(path_jsonl)
        if self._path.exists():
            kept, whole = _read_lines(self._path)
            if not whole:
                self._rewrite(kept)
        # Before the file is opened: an error here leaves no file open.
        self._tensorboard = None if tensorboard_folder is None else _TensorBoard(tensorboard_folder)
        self._file: int | None = self._open()

    def write(self, step: int, values: Mapping[str, Any], **extra: Any) -> None:
        """Appends one line.

        Args:
          step: training steps done.
          values: numbers by name; anything `float` takes, such as an eager scalar tensor.
          **extra: plain JSON values for the line, not for TensorBoard; only a text `phase` goes before the names there:
            with phase="prior" the loss is "prior/loss".

        Raises:
          ValueError: a name given twice, a value that is not a number, an extra that is not JSON.
          OSError: no space, ...: names the file, which keeps its whole lines, or the folder of event files.
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
            # Phases count their steps separately: under one tag their curves would mix.
            prefix = f"{phase}/" if (phase := extra.get("phase")) else ""
            self._tensorboard.write(int(step), {prefix + name: number for name, number in numbers.items()})

    def truncate_after(self, step: int, **matching: Any) -> None:
        """Drops the lines of steps later than `step`, all at once.

        A run that was killed after logging and before its next checkpoint would log those steps twice. TensorBoard's
        files cannot be shortened; it shows such steps twice.

        Args:
          step: the step from which the run is resumed.
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
        """Writes the lines so far to the disk, for instance before the checkpoint of the same step."""
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
            tensorboard, self._tensorboard = self._tensorboard, None
            if tensorboard is not None:
                tensorboard.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.close()
        except OSError as failed:
            if error is None:
                raise
            # The user must see the error that stopped the run; a full disk is often the reason for both.
            logging.warning("metric log not closed: %s", failed)

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
            while rest:  # A nearly full disk writes a part of a line before it reports that it is full.
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
      OSError: the file exists but cannot be read.
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
    """Writes scalars to TensorBoard's event files; TensorFlow's errors become OSErrors that name the folder."""

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        import tensorflow as tf  # Only here: reading and writing the JSON lines needs no TensorFlow.

        self._tf = tf
        self._folder = os.fspath(folder)
        with self._errors_named():
            self._writer = tf.summary.create_file_writer(self._folder)

    def write(self, step: int, values: Mapping[str, float]) -> None:
        with self._errors_named(), self._writer.as_default():
            for name, value in values.items():
                self._tf.summary.scalar(name, value, step=step)

    def flush(self) -> None:
        with self._errors_named():
            self._writer.flush()

    def close(self) -> None:
        with self._errors_named():
            self._writer.close()

    @contextlib.contextmanager
    def _errors_named(self) -> Iterator[None]:
        try:
            yield
        except self._tf.errors.OpError as error:  # TensorFlow's own errors; none is an OSError.
            what = _INSIDE_TENSORFLOW.sub("", error.message)
            raise OSError(errno.EIO, f"cannot be written: {what}", self._folder) from error
