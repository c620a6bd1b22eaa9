"""Damage of every kind to the files of a sample, each a pure function of the seed."""

from __future__ import annotations

import contextlib
import pathlib
from collections.abc import Callable

from mutations.any_bytes import bits, empty, lengths, noise, splice, truncate
from mutations.archives import npy_header, npy_values, zip_directory, zip_member
from mutations.draws import Random, pick
from mutations.hdf5 import hdf5_dataset, hdf5_fields
from mutations.json_trees import json_tree
from mutations.matlab import mat_element, mat_variable
from mutations.pickles import MARKER as MARKER
from mutations.pickles import pickle_hostile, pickle_opcode
from mutations.shards import Files, record, seal
from mutations.text import TEXT

Way = Callable[[bytes, Random, pathlib.Path], bytes]


def mutate(files: Files, folder: pathlib.Path, rng: Random) -> tuple[str, Files]:
    """Damages a copy of `files`, which lie in `folder`; returns a description of the damage, and the copy."""
    damaged, told = dict(files), []
    for _ in range(1 if rng.random() < 0.8 else 2):
        if not damaged:
            break
        name = pick(rng, sorted(damaged))
        if rng.random() < 0.03:
            del damaged[name]
            told.append(f"{name} deleted")
            continue
        before = damaged[name]
        way = pick(rng, _ways(name, before))
        if way in (mat_variable, hdf5_dataset) and before != files[name]:
            continue  # SciPy and HDF5 read these; what is damaged already can crash them.
        # What is damaged already cannot always be taken apart once more.
        with contextlib.suppress(Exception):
            damaged[name] = way(before, rng, folder)
            if way is record:
                seal(damaged, name)
            told.append(f"{name} {way.__name__}")
    return "; ".join(told) or "nothing", damaged


def _ways(name: str, data: bytes) -> list[Way]:
    """The damages that suit a file; those that know its structure more often."""
    ways: list[Way] = [bits, noise, truncate, splice, lengths, empty]
    if data[:1] in (b"{", b"["):
        return [*ways, *[json_tree] * 12, *TEXT]
    if data[:2] == b"PK":
        return [*ways, *[zip_member] * 8, *[npy_header] * 8, *[npy_values] * 4, zip_directory]
    if data[:4] == b"\x89HDF":
        return [*ways, *[hdf5_dataset] * 14, hdf5_fields, hdf5_fields]
    if data[:6] == b"MATLAB":
        return [*ways, *[mat_element] * 10, mat_variable, mat_variable]
    if name.endswith((".pkl", ".pickle")):
        return [*ways, *[pickle_opcode] * 4, *[pickle_hostile] * 2, lengths, lengths]
    if name.endswith(".tfrecord"):
        return [*ways, *[record] * 10]
    with contextlib.suppress(UnicodeDecodeError):
        data.decode("utf-8")
        return [*ways, *TEXT * 3]
    return ways
