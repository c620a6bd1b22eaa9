"""Damage to shards that no checksum gives away."""

from __future__ import annotations

import contextlib
import io
import json
import pathlib
import zlib

from mutations.any_bytes import bits, empty, lengths, noise, splice, truncate
from mutations.draws import InapplicableError, Random, pick

Files = dict[str, bytes]
"""By path relative to the sample's folder."""


def record(data: bytes, rng: Random, folder: pathlib.Path) -> bytes:
    """A record damaged, exchanged or removed, with right lengths and checksums."""
    from tf_elepose.data.shards import tfrecords

    try:
        parts = tfrecords.read_records(io.BytesIO(data), "sample", longest=1 << 16)
        records = [record for part, _ in parts for record in part]
    except ValueError:
        raise InapplicableError from None
    if not records:
        raise InapplicableError
    at, kind = int(rng.integers(len(records))), int(rng.integers(4))
    if kind == 0:
        del records[at]
    elif kind == 1:
        records.append(records[at])
    else:
        records[at] = pick(rng, (bits, noise, truncate, splice, lengths, empty))(records[at], rng, folder)
    return tfrecords.frame(records)[0]


def seal(files: Files, name: str) -> None:
    """Makes the manifest beside the shard `name` agree with its bytes."""
    from tf_elepose.data.shards import tfrecords

    path = str(pathlib.PurePath(name).with_name("manifest.json"))
    with contextlib.suppress(KeyError, ValueError, TypeError, AttributeError):
        manifest = json.loads(files[path])
        for entry in (entry for entries in manifest["splits"].values() for entry in entries):
            if entry["file"] == pathlib.PurePath(name).name:
                parts = list(tfrecords.read_records(io.BytesIO(files[name]), "sample", longest=1 << 16))
                checksum = zlib.crc32(b"".join(checksums.tobytes() for _, checksums in parts))
                entry |= {"bytes": len(files[name]), "crc32": checksum, "rows": sum(len(part) for part, _ in parts)}
        files[path] = json.dumps(manifest).encode()
