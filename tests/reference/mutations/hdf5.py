"""Damage to HDF5 files."""

from __future__ import annotations

import io
import pathlib
import re
from typing import Any

import numpy as np

from mutations.draws import EXTREMES, InapplicableError, Random, pick, place, spoil


def hdf5_fields(data: bytes, rng: Random, folder: pathlib.Path) -> bytes:
    """A count, address or size of the file's structures; they lie at multiples of 2."""
    if rng.random() < 0.5 and (marks := [m.start() for m in re.finditer(rb"TREE|HEAP|SNOD|OHDR|GCOL|FRHP", data)]):
        at = pick(rng, marks) + 2 * int(rng.integers(2, 40))
    else:
        at = place(rng, data) // 2 * 2
    size = pick(rng, (1, 2, 4, 8))
    return data[:at] + (pick(rng, EXTREMES) % 256**size).to_bytes(size, "little") + data[at + size :]


def hdf5_dataset(data: bytes, rng: Random, folder: pathlib.Path) -> bytes:
    """A data set replaced by one of another type, shape, storage or kind, in a file that is otherwise sound."""
    import h5py

    stream = io.BytesIO(data)
    try:
        with h5py.File(stream, "r+") as file:
            names: list[str] = []
            file.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
            if not names:
                raise InapplicableError
            name = pick(rng, sorted(names))
            _replace_dataset(file, name, rng)
    except InapplicableError:
        raise
    except Exception:
        raise InapplicableError from None
    return stream.getvalue()


def _replace_dataset(file: Any, name: str, rng: Random) -> None:
    import h5py

    item = file[name]
    old, kind = item[()], int(rng.integers(12))
    shape = np.shape(old)
    del file[name]
    if kind == 0:
        return
    if kind == 1:
        file.create_dataset(
            name, (10**7, *shape[1:]), "f4", chunks=(10**5, *shape[1:]), compression="gzip"
        )  # No chunk.
    elif kind == 2:
        file.create_dataset(name, data=np.zeros((3 * 10**5, *shape[1:]), "f4"), compression="gzip", chunks=True)
    elif kind == 3:
        file.create_dataset(
            name, data=np.reshape(["text"] * max(1, np.size(old)), np.shape(old) or (1,)).astype(object)
        )
    elif kind == 4:
        file[name] = h5py.SoftLink("/" + pick(rng, (name, "nowhere", "")))
    elif kind == 5:
        file[name] = h5py.ExternalLink("/etc/hostname", "/a")
    elif kind == 6:
        file.create_group(name)
    elif kind == 7:
        file.create_dataset(name, data=old[: int(rng.integers(len(old) + 1))] if shape else old)
    elif kind == 8:
        file.create_dataset(name, data=np.asarray(old).T)
    elif kind == 9:
        file.create_dataset(name, (np.size(old),), "f8", external=[("/etc/hostname", 0, h5py.h5f.UNLIMITED)])
    elif kind == 10:
        made = np.zeros(shape, [("a", "f4"), ("b", "S3")]) if rng.random() < 0.5 else np.full(shape, b"12")
        file.create_dataset(name, data=made)
    elif np.asarray(old).dtype.kind in "fiu":
        array = np.array(old, ndmin=1)
        spoil(array, rng)
        file.create_dataset(name, data=array.reshape(shape))
