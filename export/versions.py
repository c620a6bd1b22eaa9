"""Adds the next version of a model to a folder that a running TensorFlow Serving watches.

A server looks every second for folders whose names are numbers and loads the largest. A version is therefore written
under another name in the same folder, compared with the model, synchronised to the disk, and renamed when it is
complete: the server never sees an incomplete version.
"""

from __future__ import annotations

import errno
import os
import pathlib
import re
import secrets
import shutil

from export.bundle import export_bundle
from tf_elepose.storage import files

_NUMBER = re.compile(r"[0-9]{1,18}")  # A number of at most 18 digits fits into the server's 64 bits.


def versions(base: str | os.PathLike[str]) -> list[int]:
    """The versions in a base path, smallest first; empty if there is no such folder."""
    base = pathlib.Path(base)
    if not base.is_dir():
        return []
    return sorted(int(path.name) for path in base.iterdir() if _NUMBER.fullmatch(path.name))


def add_version(
    model: str | os.PathLike[str],
    base: str | os.PathLike[str],
    *,
    convention: str | None = None,
    min_confidence: float = 0.0,
) -> pathlib.Path:
    """Exports a trained model as the next version in `base`; the other versions stay.

    Args:
      model: a finished workdir, or a model.npz.
      base: the model's base path for a server, such as BUNDLE/saved_model; made if there is none. Servers use the
        largest number, so all versions should take the same keypoints.
      convention, min_confidence: as for `bundle.export_bundle`.

    Returns:
      the version folder.

    Raises:
      ValueError, OSError: as `bundle.export_bundle`; no version is added then.
    """
    base = pathlib.Path(base)
    if base.exists() and not base.is_dir():
        raise ValueError(f"{base}: expected a folder of versions; this is a file")
    if any((base / name).exists() for name in ("saved_model.pb", "metadata.json")):
        raise ValueError(
            f"{base}: expected a folder of versions (BUNDLE/saved_model); this is a model or a bundle itself"
        )
    base.mkdir(parents=True, exist_ok=True)
    beside = base / f".version.{os.getpid()}-{secrets.token_hex(4)}.partial"
    try:
        export_bundle(model, beside, formats=["saved_model"], convention=convention, min_confidence=min_confidence)
        (written,) = (beside / "saved_model").iterdir()
        _synchronise(written)
        return _renamed(written, base)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _renamed(written: pathlib.Path, base: pathlib.Path) -> pathlib.Path:
    """Renames the folder to the next number; to a later one if another process took it meanwhile."""
    while True:
        target = base / str(max(versions(base), default=0) + 1)
        try:
            written.rename(target)
        except OSError as error:
            if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                raise
        else:
            files.sync_folder(base)
            return target


def _synchronise(folder: pathlib.Path) -> None:
    """Writes files and folders to the disk: after a power failure a renamed version must not lack files."""
    for path in [*folder.rglob("*"), folder]:
        if path.is_dir():
            files.sync_folder(path)
        else:
            with path.open("rb") as file:
                os.fsync(file.fileno())
