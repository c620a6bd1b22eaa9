"""Writes and reads TFRecord files without TensorFlow.

The format is that of tensorflow/core/lib/io/record_writer.h: u64 length, u32 masked crc32c of the length, the bytes,
u32 masked crc32c of the bytes, all little-endian. crc32c is the Castagnoli polynomial (RFC 3720, appendix B.4); the
mask is that of tensorflow/core/lib/hash/crc32c.h. NumPy computes the checksums of many records at once.
"""

from __future__ import annotations

import functools
import itertools
import struct
from collections.abc import Iterator, Sequence
from typing import BinaryIO

import numpy as np

_HEAD = struct.Struct("<QI")
_LENGTH = struct.Struct("<Q")
_CRC = struct.Struct("<I")

_POLYNOMIAL = 0x82F63B78  # Castagnoli, bits reversed.
_MASK = 0xA282EAD8
_TOGETHER = 4096  # Records whose checksums are computed at once; with the table they fit into the cache.


def frame(records: Sequence[bytes]) -> tuple[bytes, np.ndarray]:
    """The bytes of a TFRecord file (or a part of one) with `records`, and the records' checksums [n]."""
    heads = [_LENGTH.pack(len(record)) for record in records]
    of_heads, of_records = masked_crc32c(heads), masked_crc32c(records)
    framed = b"".join(
        part
        for head, of_head, record, of_record in zip(heads, of_heads.tolist(), records, of_records.tolist(), strict=True)
        for part in (head, _CRC.pack(of_head), record, _CRC.pack(of_record))
    )
    return framed, of_records


def read_records(stream: BinaryIO, where: str, longest: int) -> Iterator[tuple[list[bytes], np.ndarray]]:
    """Yields the records of a TFRecord file, of at most `longest` bytes each, and their checksums, thousands at a time.

    Raises:
      ValueError: a checksum does not match, the file is cut short or a record is too long; names `where` and the
        number of the record.
    """
    before = 0
    while parts := list(itertools.islice(_frames(stream, where, longest, before), _TOGETHER)):
        heads, of_heads, records, stated = zip(*parts, strict=True)
        checksums = np.array(stated, np.uint32)
        right = masked_crc32c(heads) == np.array(of_heads, np.uint32)
        right &= masked_crc32c(records) == checksums
        if not right.all():
            raise ValueError(f"{where}: record {before + int(right.argmin())}: damaged; its checksum does not match")
        yield list(records), checksums
        before += len(records)


def read_sound_records(
    stream: BinaryIO, where: str, longest: int
) -> Iterator[tuple[list[bytes], np.ndarray, dict[int, str]]]:
    """Yields the undamaged records of a TFRecord file, thousands at a time, for files that may be damaged.

    With them come their numbers [n] in the file, and {number: problem} of the damaged ones. After a damaged length, or
    where the file is cut short, no further record can be found: the last problem stands for all records from there on.
    """
    frames, before, ended = _frames(stream, where, longest, 0), 0, False
    while not ended:
        parts: list[tuple[bytes, int, bytes, int]] = []
        problems: dict[int, str] = {}
        try:
            for part in itertools.islice(frames, _TOGETHER):
                parts.append(part)
        except ValueError as error:
            problems[before + len(parts)], ended = str(error), True
        if not parts and not ended:
            return
        lengths = [part[0] for part in parts]
        right = masked_crc32c(lengths) == np.array([part[1] for part in parts], np.uint32)
        if not right.all():
            lost = int(right.argmin())
            parts, ended = parts[:lost], True
            problems = {before + lost: f"{where}: record {before + lost}: its length is damaged"}
        sound = masked_crc32c([part[2] for part in parts]) == np.array([part[3] for part in parts], np.uint32)
        numbers = before + np.arange(len(parts))
        reason = "{}: record {}: damaged; its checksum does not match"
        problems |= {number: reason.format(where, number) for number in numbers[~sound].tolist()}
        yield [part[2] for part, whole in zip(parts, sound, strict=True) if whole], numbers[sound], problems
        before += len(parts)


def _frames(stream: BinaryIO, where: str, longest: int, first: int) -> Iterator[tuple[bytes, int, bytes, int]]:
    """Yields length, its checksum, record and its checksum, unchecked; messages number records from `first` on."""
    for number in itertools.count(first):
        if not (head := stream.read(_HEAD.size)):
            return
        if len(head) < _HEAD.size:
            raise ValueError(f"{where}: record {number}: cut short")
        length, of_head = _HEAD.unpack(head)
        if length > longest:
            raise ValueError(f"{where}: record {number}: expected at most {longest} bytes; it declares {length}")
        record, stated = stream.read(length), stream.read(_CRC.size)
        if len(stated) < _CRC.size:
            raise ValueError(f"{where}: record {number}: cut short; it declares {length} bytes")
        yield head[: _LENGTH.size], of_head, record, _CRC.unpack(stated)[0]


def masked_crc32c(records: Sequence[bytes]) -> np.ndarray:
    """TensorFlow's checksums [n] uint32 of `records`, which should be short (rows, not whole files)."""
    crc = np.empty(len(records), np.uint32)
    lengths = np.array([len(record) for record in records], np.int64)
    order = np.argsort(lengths, kind="stable")  # Equal lengths together, so that little is computed in vain.
    for first in range(0, len(order), _TOGETHER):
        rows = order[first : first + _TOGETHER]
        crc[rows] = _crc32c([records[row] for row in rows.tolist()], lengths[rows])
    rotated = (crc >> np.uint32(15)) | (crc << np.uint32(17))
    return rotated + np.uint32(_MASK)


def _crc32c(records: list[bytes], lengths: np.ndarray) -> np.ndarray:
    """The crc32c [n] uint32 of records sorted by their lengths [n], 16 bits of all records at a time."""
    pairs, table = _tables()
    whole = lengths // 2
    crc = np.full(len(records), 0xFFFFFFFF, np.uint32)
    width = 2 * int(whole[-1])
    padded = b"".join([record[:width].ljust(width, b"\0") for record in records])
    words = np.ascontiguousarray(np.frombuffer(padded, "<u2").reshape(len(records), width // 2).T)
    begins = np.searchsorted(whole, np.arange(len(words)), side="right")  # Shorter records have no such word.
    for word, begin in zip(words, begins.tolist(), strict=True):
        rest = crc[begin:]
        crc[begin:] = pairs[(rest ^ word[begin:]) & np.uint32(0xFFFF)] ^ (rest >> np.uint32(16))
    odd = np.flatnonzero(lengths % 2)
    last = np.array([records[row][-1] for row in odd], np.uint32)
    crc[odd] = table[(crc[odd] ^ last) & np.uint32(0xFF)] ^ (crc[odd] >> np.uint32(8))
    return ~crc


@functools.cache
def _tables() -> tuple[np.ndarray, np.ndarray]:
    """The tables by which 16 bits, and 8 bits, change a checksum."""
    tables = []
    for bits in (16, 8):
        table = np.arange(2**bits, dtype=np.uint32)
        for _ in range(bits):
            table = np.where(table & 1, (table >> 1) ^ np.uint32(_POLYNOMIAL), table >> 1)
        tables.append(table.astype(np.uint32))
    return tables[0], tables[1]
