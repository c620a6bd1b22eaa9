"""The manifest of a folder of shards, and the conversion between rows and the bytes of records.

A record is a head of fixed size with the row's numbers, and a tail with its texts in UTF-8. The last numbers of the
head are the lengths of the texts. Everything is little-endian.
"""

from __future__ import annotations

import dataclasses
import functools
import pathlib
import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np

from tf_elepose.data.identities import IDENTITIES, PERSON
from tf_elepose.data.recording import SPLITS, Recording, row_fields
from tf_elepose.skeleton.skeletons import Skeleton
from tf_elepose.storage import files

MANIFEST = "manifest.json"
FORMAT, VERSION = "tf_elepose shards", 1
MAX_SHARDS = 512
"""Largest number of shards in a split; while they are written, the files of both splits are open."""

OPTIONAL = ("poses_2d_detected", "confidence", "poses_3d", "elevation")
"""The fields that a set has for all of its rows or for none."""

TEXT_FIELDS = ("subject", "action", "clip")  # `split` belongs to the file.
_NUMBERS = ("poses_2d", "visible", "camera", "frame", "person")
_STORED = {"float": "<f4", "int": "<i4", "flag": "|b1"}
TEXT_LENGTHS = "text_lengths"
_MAX_TEXT_BYTES = 1024
_MAX_JOINTS = 4096
_FILE_NAME = re.compile(r"[\w.-]{1,100}")


@dataclasses.dataclass(frozen=True)
class Shard:
    """One file of a set.

    Attributes:
      file: its name in the folder.
      rows: how many records it holds.
      bytes: its size.
      crc32: the checksum of all its records' checksums; it distinguishes the shards of one set from those of another.
    """

    file: str
    rows: int
    bytes: int
    crc32: int


@dataclasses.dataclass(frozen=True)
class ShardManifest:
    """The description of a whole set; frozen. It is written last: a folder without one is not finished.

    Attributes:
      source: where the rows come from.
      skeleton: what the joint axis means.
      fields: those of `OPTIONAL` that the set has.
      splits: the shards of each split, in order.
      missing: how many rows have a joint that is not known, by field: "poses_2d", "poses_2d_detected".
      image_sizes: (width, height) px by camera, as far as known.
      seed: of the distribution of rows over shards.
      dropped: how many poses of the source are not in the set, by reason.
      identity: one of `IDENTITIES`, what the numbers of people mean.
    """

    source: str
    skeleton: Skeleton
    fields: tuple[str, ...]
    splits: Mapping[str, tuple[Shard, ...]]
    missing: Mapping[str, int]
    image_sizes: Mapping[int, tuple[int, int]]
    seed: int
    dropped: Mapping[str, int]
    identity: str = PERSON

    @functools.cached_property
    def head(self) -> np.dtype:
        """The dtype of a record's head: the numbers of a row."""
        kinds = row_fields(self.skeleton.num_joints)
        numbers = [(name, _STORED[kinds[name][0]], kinds[name][1]) for name in (*_NUMBERS, *self.fields)]
        return np.dtype([*numbers, (TEXT_LENGTHS, "<u2", (len(TEXT_FIELDS),))])

    @property
    def longest(self) -> int:
        """The number of bytes of the longest possible record."""
        return self.head.itemsize + len(TEXT_FIELDS) * _MAX_TEXT_BYTES

    def place_of(self, field: str) -> tuple[np.dtype, int]:
        """Type of a field of `head`, with its shape, and the byte at which it begins in a record."""
        fields = cast("Mapping[str, tuple[np.dtype, int]]", self.head.fields)  # A dtype of fields, so not None.
        return fields[field][:2]

    def rows(self, split: str) -> int:
        """The number of rows of a split; ValueError when there is no such split."""
        if split not in self.splits:
            raise ValueError(f"{self.source}: no rows of split {split!r}; splits here are {', '.join(self.splits)}")
        return sum(shard.rows for shard in self.splits[split])

    def pack(self, recording: Recording) -> list[bytes]:
        """Converts the rows of a recording to records.

        Raises:
          ValueError: the recording lacks a field, or a text is too long.
        """
        head = np.zeros(len(recording), self.head)
        head["visible"] = True
        for name in (*_NUMBERS, *self.fields):
            if (values := getattr(recording, name)) is not None:
                head[name] = values
            elif name in OPTIONAL:
                raise ValueError(f"{recording.source}: {name}: the rows before have it, these do not")
        texts = [
            [t.encode("utf-8", "surrogatepass") for t in getattr(recording, name).tolist()] for name in TEXT_FIELDS
        ]
        for column, (name, values) in enumerate(zip(TEXT_FIELDS, texts, strict=True)):
            lengths = np.array([len(value) for value in values])
            if lengths.max() > _MAX_TEXT_BYTES:
                raise ValueError(
                    f"{recording.source}: {name}: expected at most {_MAX_TEXT_BYTES} bytes of text; "
                    f"row {lengths.argmax()} holds {lengths.max()}"
                )
            head[TEXT_LENGTHS][:, column] = lengths
        numbers, size = head.tobytes(), head.itemsize
        return [
            numbers[first : first + size] + b"".join(tail)
            for first, tail in zip(range(0, len(numbers), size), zip(*texts, strict=True), strict=True)
        ]

    def unpack(self, records: Sequence[bytes], where: str, first: int = 0) -> dict[str, np.ndarray]:
        """Converts `records` to fields of rows, without the split; messages number the records from `first` on.

        Raises:
          ValueError: a record is not a row of this set.
        """
        size = self.head.itemsize
        lengths = np.array([len(record) for record in records])
        self._require(lengths >= size, f"expected at least {size} bytes", where, first)
        head = np.frombuffer(b"".join([record[:size] for record in records]), self.head)
        ends = size + np.cumsum(head[TEXT_LENGTHS], axis=1, dtype=np.int64)
        self._require(ends[:, -1] == lengths, "its text is not as long as it says", where, first)
        self._require(head[TEXT_LENGTHS].max(axis=1) <= _MAX_TEXT_BYTES, "its text is too long", where, first)
        flags = head["visible"].view(np.uint8)
        self._require(np.all(flags <= 1, axis=1), "visible: expected true or false", where, first)
        fields = {name: np.ascontiguousarray(head[name]) for name in (*_NUMBERS, *self.fields)}
        starts = np.column_stack([np.full(len(records), size), ends]).tolist()
        for column, name in enumerate(TEXT_FIELDS):
            pieces = [record[s[column] : s[column + 1]] for record, s in zip(records, starts, strict=True)]
            try:
                fields[name] = np.array([piece.decode("utf-8", "surrogatepass") for piece in pieces], np.str_)
            except UnicodeDecodeError as error:
                raise ValueError(
                    f"{where}: {name}: expected UTF-8 in records from {first} on ({error.reason})"
                ) from error
        return fields

    @staticmethod
    def _require(right: np.ndarray, problem: str, where: str, first: int) -> None:
        if not right.all():
            raise ValueError(f"{where}: record {first + int(right.argmin())}: {problem}")

    def save(self, folder: pathlib.Path) -> None:
        """Writes the manifest into `folder`, after its shards."""
        splits = {name: [dataclasses.asdict(shard) for shard in shards] for name, shards in self.splits.items()}
        values = {
            "format": FORMAT, "version": VERSION, "source": self.source, "skeleton": self.skeleton.to_dict(),
            "fields": self.fields, "splits": splits, "missing": self.missing,
            "image_sizes": {str(camera): size for camera, size in self.image_sizes.items()},
            "seed": self.seed, "dropped": self.dropped,
        }  # fmt: skip
        if self.identity != PERSON:  # Older versions, which do not know this field, can read the other sets.
            values["identity"] = self.identity
        files.write_json(folder / MANIFEST, values)

    @classmethod
    def load(cls, folder: pathlib.Path, *, whole: bool = True) -> ShardManifest:
        """Reads the manifest in `folder`; if `whole`, checks that all files exist and have their full size.

        Raises:
          ValueError: the folder holds no shards, is not finished, damaged, of another version, or a file is missing.
        """
        where = f"shards {folder}"
        if not folder.is_dir():
            raise ValueError(f"{where}: no such folder")
        if not (folder / MANIFEST).is_file():
            raise ValueError(f"{where}: has no {MANIFEST}: not a set of shards, or its writing was not finished")
        values = files.read_json(folder / MANIFEST)
        where = f"{where}: {MANIFEST}"
        if not isinstance(values, dict) or values.get("format") != FORMAT:
            raise ValueError(f"{where}: expected the format {FORMAT!r}")
        if values.get("version") != VERSION:
            raise ValueError(f"{where}: expected version {VERSION}; got {values.get('version')!r:.50}")
        manifest = cls._checked(values, where)
        for shard in (shard for shards in manifest.splits.values() for shard in shards if whole):
            try:
                found = (folder / shard.file).stat().st_size
            except FileNotFoundError:
                raise ValueError(f"{where}: {shard.file} is missing") from None
            if found != shard.bytes:
                raise ValueError(f"{where}: {shard.file}: expected {shard.bytes} bytes; got {found}")
        return manifest

    @classmethod
    def _checked(cls, values: Mapping[str, Any], where: str) -> ShardManifest:
        try:
            skeleton = Skeleton.from_dict(cast("Any", values.get("skeleton")))  # It says what else was given.
        except ValueError as error:
            raise ValueError(f"{where}: {str(error)[:500]}") from error
        except (TypeError, KeyError, OverflowError) as error:  # A joint that is a list or a number.
            raise ValueError(f"{where}: skeleton: expected names of joints ({type(error).__name__})") from error
        if skeleton.num_joints > _MAX_JOINTS:
            raise ValueError(f"{where}: skeleton: expected at most {_MAX_JOINTS} joints; got {skeleton.num_joints}")
        fields, splits = values.get("fields"), values.get("splits")
        if (
            not isinstance(fields, list)
            or any(field not in OPTIONAL for field in fields)
            or len(set(fields)) < len(fields)
        ):
            raise ValueError(f"{where}: fields: expected some of {', '.join(OPTIONAL)}; got {fields!r:.100}")
        if not isinstance(splits, dict) or not splits or set(splits) - set(SPLITS):
            raise ValueError(f"{where}: splits: expected shards by split, {' and '.join(SPLITS)}; got {splits!r:.100}")
        if not isinstance(source := values.get("source"), str) or not isinstance(values.get("seed"), int):
            raise ValueError(f"{where}: expected source, a text, and seed, an integer")
        if (identity := values.get("identity", PERSON)) not in IDENTITIES:
            raise ValueError(f"{where}: identity: expected {', '.join(IDENTITIES)}; got {identity!r:.50}")
        sizes = _counts(values, "image_sizes", where, pairs=True)
        return cls(
            source=source, skeleton=skeleton, fields=tuple(fields),
            splits={name: _shards(listed, f"{where}: splits: {name}") for name, listed in splits.items()},
            missing=_counts(values, "missing", where),
            image_sizes={int(camera): (int(size[0]), int(size[1])) for camera, size in sizes.items()},
            seed=values["seed"], dropped=_counts(values, "dropped", where), identity=identity,
        )  # fmt: skip


def _shards(listed: Any, where: str) -> tuple[Shard, ...]:
    if not isinstance(listed, list) or not 0 < len(listed) <= MAX_SHARDS:
        raise ValueError(f"{where}: expected a list of 1 to {MAX_SHARDS} shards")
    shards = []
    for number, entry in enumerate(listed):
        names = {field.name for field in dataclasses.fields(Shard)}
        if not isinstance(entry, dict) or set(entry) != names:
            raise ValueError(f"{where}: shard {number}: expected {', '.join(sorted(names))}; got {entry!r:.100}")
        if not isinstance(entry["file"], str) or not _FILE_NAME.fullmatch(entry["file"]) or entry["file"][0] == ".":
            raise ValueError(f"{where}: shard {number}: file: expected a file name; got {entry['file']!r:.100}")
        for field in ("rows", "bytes", "crc32"):
            if not _is_count(entry[field]):
                raise ValueError(f"{where}: shard {number}: {field}: expected a count; got {entry[field]!r:.50}")
        shards.append(Shard(**entry))
    if len({shard.file for shard in shards}) < len(shards):
        raise ValueError(f"{where}: a file is named twice")
    return tuple(shards)


def _counts(values: Mapping[str, Any], field: str, where: str, *, pairs: bool = False) -> dict[Any, Any]:
    """Checks that a field maps text to counts, or with `pairs` cameras to pairs of counts."""
    found = values.get(field)
    if not isinstance(found, dict):
        raise ValueError(f"{where}: {field}: expected a mapping; got {found!r:.100}")
    for key, value in found.items():
        numbers = value if pairs and isinstance(value, list) and len(value) == 2 else [value]
        camera = not pairs or (re.fullmatch(r"[0-9]{1,9}", key) and len(numbers) == 2)
        if not camera or not all(_is_count(number) for number in numbers):
            raise ValueError(f"{where}: {field}: {key!r:.50}: got {value!r:.50}")
    return found


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63
