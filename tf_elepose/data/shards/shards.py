"""Training sets larger than memory: TFRecord shards of rows of one skeleton, each a fair sample of its split.

    manifest = write_shards(stream_source(...), folder, shards=16, seed=0)
    shards = Shards.open(folder)

A folder holds train-00000-of-00016.tfrecord and so on, such files for "test", and manifest.json, which is written last:
a folder without it is not finished. Writing needs memory for a part of the source, training for one or a few shards:
choose their number so that a shard holds about 100,000 rows.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pathlib
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from tf_elepose.data.assembly import assemble
from tf_elepose.data.identities import least
from tf_elepose.data.recording import SPLITS, Recording, concatenate
from tf_elepose.data.shards import tfrecords
from tf_elepose.data.shards.manifest import MAX_SHARDS, OPTIONAL, TEXT_FIELDS, TEXT_LENGTHS, Shard, ShardManifest
from tf_elepose.data.shards.reading import read_shard
from tf_elepose.storage import files

if TYPE_CHECKING:  # Writing and reading do not need it.
    import tensorflow as tf

SHUFFLED = 1 << 16
"""The size of the buffer in which `Shards.dataset` shuffles rows."""

_TOGETHER = 1 << 14  # Rows converted to records at a time.

FITTED_ROWS = 200_000
"""How many training rows normalizer, bones, completer and prior are fitted on; the lifter is trained on all rows."""

EVALUATED_ROWS = 20_000
"""How many test rows are evaluated."""


def write_shards(
    recordings: Iterable[Recording], folder: str | os.PathLike[str], *, shards: int, seed: int = 0
) -> ShardManifest:
    """Writes the rows of `recordings` as shards, a recording at a time.

    Each of the shards gets one of every `shards` consecutive rows, in an order drawn from the seed. So frames that are
    neighbours in time, and the views of one moment, are spread over all shards.

    Args:
      recordings: with one skeleton; all must have the `OPTIONAL` fields that the first one has.
      folder: is created; must be empty if it exists.
      shards: the number of files for each split.
      seed: of the distribution of rows over shards.

    Raises:
      ValueError: there are no rows, recordings differ in skeleton or fields, the folder is not empty, or `shards` is
        out of range.
      OSError: a file cannot be written; then no manifest is written.
    """
    if not 0 < shards <= MAX_SHARDS:
        raise ValueError(f"shards: expected 1 to {MAX_SHARDS}; got {shards}")
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    files.remove_leftovers(folder)
    if present := sorted(path.name for path in folder.iterdir()):
        raise ValueError(f"shards {folder}: expected a new or empty folder; it holds {present[0]}")
    try:
        with contextlib.ExitStack() as written:
            writer = _Writer(folder, shards, seed, written)
            for recording in _apart(recordings):
                writer.add(recording)
            manifest = writer.manifest()
    except _SourceError as error:
        assert error.__cause__ is not None
        raise error.__cause__ from None
    manifest.save(folder)
    return manifest


class _SourceError(Exception):
    """Raised when the source cannot be read, so that its OSError is not taken for one about a shard."""


def _apart(recordings: Iterable[Recording]) -> Iterator[Recording]:
    try:
        yield from recordings
    except OSError as error:
        raise _SourceError from error


class Shards:
    """A whole set of shards on the disk.

    Attributes:
      folder: where it is.
      manifest: what it is.
    """

    def __init__(self, folder: pathlib.Path, manifest: ShardManifest) -> None:
        self.folder = folder
        self.manifest = manifest

    @classmethod
    def open(cls, folder: str | os.PathLike[str]) -> Shards:
        """Opens the set in `folder`; ValueError when it is not whole."""
        folder = pathlib.Path(folder)
        return cls(folder, ShardManifest.load(folder))

    @property
    def source(self) -> str:
        """The name of the set in messages."""
        return f"shards {self.folder}"

    def paths(self, split: str) -> list[pathlib.Path]:
        """The files of a split; ValueError when there is no such split."""
        self.manifest.rows(split)
        return [self.folder / shard.file for shard in self.manifest.splits[split]]

    def sample(self, count: int, split: str) -> Recording:
        """Reads `count` rows of a split (or all, if there are fewer), evenly spread over it and always the same ones.

        A normalizer or a subspace is fitted on such a sample, and models are evaluated on it. Only as many shards are
        read as are needed for so many rows, because each shard is a fair sample.

        Raises:
          ValueError: there is no such split, `count` is below 1, or a shard is damaged.
        """
        if count < 1:
            raise ValueError(f"{self.source}: a sample needs at least one row; got {count}")
        count = min(count, self.manifest.rows(split))
        chosen, held = [], [0]
        for shard in self.manifest.splits[split]:
            if held[-1] < count:
                chosen.append(shard)
                held.append(held[-1] + shard.rows)
        wanted = np.linspace(0, held[-1] - 1, count).round().astype(np.int64)
        rows = (
            part
            for shard, first in zip(chosen, held[:-1], strict=True)
            for part in read_shard(self.folder, self.manifest, split, shard, wanted - first)
        )
        return assemble(rows, self.manifest.skeleton, self.source, min_joints=0)

    def sample_of_all(self) -> Recording:
        """A sample of the training rows, for fitting, together with one of the test rows, if any, for evaluation."""
        train = self.sample(FITTED_ROWS, "train")
        return concatenate(train, self.sample(EVALUATED_ROWS, "test")) if "test" in self.manifest.splits else train

    def dataset(self, split: str, *, seed: int, epoch: int, worker: int = 0, workers: int = 1) -> tf.data.Dataset:
        """The rows of a split, each once, as {field: tensor} without a batch axis; `split` itself is not among them.

        Worker number `worker` of `workers` gets its own shards. The order is a function of seed and epoch: the order of
        shards is drawn, and rows are shuffled in a buffer of `SHUFFLED` rows from neighbouring shards.

        Raises:
          ValueError: there is no such split, or there are more workers than shards.
        """
        import tensorflow as tf

        paths = self.paths(split)
        if not 0 <= worker < workers <= len(paths):
            raise ValueError(f"{self.source}: worker {worker} of {workers} cannot share {len(paths)} shards")
        order = np.random.default_rng([seed, epoch]).permutation(len(paths))[worker::workers]
        mine = tf.data.Dataset.from_tensor_slices([str(paths[number]) for number in order])
        records = mine.interleave(
            tf.data.TFRecordDataset, cycle_length=4, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True
        )
        # One number from seed and epoch, because the shuffle takes one seed.
        drawn = int(np.random.default_rng([seed, epoch, worker]).integers(2**31))
        records = records.shuffle(SHUFFLED, seed=drawn, reshuffle_each_iteration=False)
        decoded = records.batch(256).map(self._decoded, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
        return decoded.unbatch()

    def _decoded(self, records: tf.Tensor) -> dict[str, tf.Tensor]:
        """Converts records [n] to fields [n, ...], as `ShardManifest.unpack` does."""
        import tensorflow as tf

        head = self.manifest.head

        def numbers(name: str) -> tf.Tensor:
            dtype, start = self.manifest.place_of(name)
            raw = tf.strings.substr(records, start, dtype.itemsize)
            flat = tf.io.decode_raw(raw, tf.uint8 if dtype.base.kind == "b" else tf.as_dtype(dtype.base))
            shaped = tf.reshape(flat, [-1, *dtype.shape])
            return shaped > 0 if dtype.base.kind == "b" else shaped

        fields = {name: numbers(name) for name in (head.names or ()) if name != TEXT_LENGTHS}
        lengths = tf.cast(numbers(TEXT_LENGTHS), tf.int32)
        start = tf.fill(tf.shape(records), head.itemsize)
        for column, name in enumerate(TEXT_FIELDS):
            fields[name] = tf.strings.substr(records, start, lengths[:, column])
            start += lengths[:, column]
        return fields


class _Writer:
    """The open shards, and the numbers that the manifest will hold about them."""

    def __init__(self, folder: pathlib.Path, shards: int, seed: int, written: contextlib.ExitStack) -> None:
        self._folder, self._shards, self._seed, self._written = folder, shards, seed, written
        self._random = np.random.default_rng(seed)
        self._layout: ShardManifest | None = None  # Without shards yet.
        self._streams: dict[str, list[BinaryIO]] = {}
        self._rest: dict[str, np.ndarray] = {}  # The shards of the next rows, for each split.
        self._totals: dict[str, list[list[int]]] = {}  # By split, for each shard: rows, bytes, crc32.
        self._missing: Counter[str] = Counter()
        self._dropped: Counter[str] = Counter()
        self._identities: set[str] = set()
        self._sizes: dict[int, set[tuple[int, int]]] = {}

    def add(self, recording: Recording) -> None:
        if self._layout is None:
            fields = tuple(field for field in OPTIONAL if getattr(recording, field) is not None)
            self._layout = ShardManifest(recording.source, recording.skeleton, fields, {}, {}, {}, self._seed, {})
        layout = self._layout
        if recording.skeleton != layout.skeleton:
            raise ValueError(
                f"{recording.source}: expected skeleton {layout.skeleton.name!r}; got {recording.skeleton.name!r}"
            )
        if more := [
            field for field in OPTIONAL if getattr(recording, field) is not None and field not in layout.fields
        ]:
            raise ValueError(f"{recording.source}: {more[0]}: these rows have it, the rows before do not")
        self._dropped.update(recording.dropped)
        self._identities.add(recording.identity)
        self._note_sizes(recording)
        self._note_missing(recording)
        for split in SPLITS:
            rows = np.flatnonzero(recording.split == split)
            for first in range(0, len(rows), _TOGETHER):
                self._write(split, layout.pack(recording.select(rows[first : first + _TOGETHER])))
        if strangers := sorted(set(np.unique(recording.split).tolist()) - set(SPLITS)):
            raise ValueError(f"{recording.source}: split: expected {' or '.join(SPLITS)}; got {strangers[0]!r}")

    def manifest(self) -> ShardManifest:
        """The manifest of the written shards; called after the last row."""
        if self._layout is None:
            raise ValueError(f"shards {self._folder}: expected at least one recording to write; got none")
        splits = {
            split: tuple(Shard(self._name(split, number), *total) for number, total in enumerate(totals))
            for split, totals in self._totals.items()
        }
        image_sizes = {
            c: next(iter(sizes)) for c, sizes in self._sizes.items() if len(sizes) == 1 and (0, 0) not in sizes
        }
        return dataclasses.replace(
            self._layout,
            splits=splits,
            missing=dict(self._missing),
            image_sizes=image_sizes,
            dropped=dict(self._dropped),
            identity=least(np.array(list(self._identities))),
        )

    def _write(self, split: str, records: list[bytes]) -> None:
        if split not in self._streams:
            paths = [self._folder / self._name(split, number) for number in range(self._shards)]
            self._streams[split] = [self._written.enter_context(files.replacing(path)) for path in paths]
            self._totals[split] = [[0, 0, 0] for _ in paths]
            self._rest[split] = np.zeros(0, np.int64)
        shard_of = self._next_shards(split, len(records))
        for number, (stream, total) in enumerate(zip(self._streams[split], self._totals[split], strict=True)):
            mine = [records[row] for row in np.flatnonzero(shard_of == number).tolist()]
            if mine:
                data, checksums = tfrecords.frame(mine)
                stream.write(data)
                total[0] += len(mine)
                total[1] += len(data)
                total[2] = zlib.crc32(checksums.astype("<u4").tobytes(), total[2])

    def _next_shards(self, split: str, count: int) -> np.ndarray:
        """The shard [count] of each of the next rows: random permutations of all shards, one after the other."""
        rest = self._rest[split]
        rounds = max(0, -(-(count - len(rest)) // self._shards))
        drawn = self._random.permuted(np.tile(np.arange(self._shards), (rounds, 1)), axis=1).reshape(-1)
        rest = np.concatenate([rest, drawn])
        self._rest[split] = rest[count:]
        return rest[:count]

    def _note_sizes(self, recording: Recording) -> None:
        size = recording.image_size
        for camera in np.unique(recording.camera).tolist():
            known = self._sizes.setdefault(camera, set())
            # (0, 0): unknown. A camera with another size as well then counts as unknown.
            known.add((0, 0) if size is None else tuple((size if size.ndim == 1 else size[camera]).tolist()))

    def _note_missing(self, recording: Recording) -> None:
        for field, kind in (("poses_2d", "gt"), ("poses_2d_detected", "detected")):
            if kind == "gt" or recording.poses_2d_detected is not None:
                self._missing[field] += int((~recording.view(kind).seen.all(axis=1)).sum())

    def _name(self, split: str, number: int) -> str:
        return f"{split}-{number:05d}-of-{self._shards:05d}.tfrecord"
