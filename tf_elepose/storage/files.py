"""Files that are whole or absent: written under a temporary name, synchronised to the disk, then renamed.

A reader never sees half a file. A failed write (disk full, bad sector, Ctrl-C) leaves the previous file as it was and
no temporary file. Only a killed process can leave one; `remove_leftovers` removes it at the next start.
"""

from __future__ import annotations

import contextlib
import errno
import json
import math
import os
import pathlib
import re
import secrets
import stat
import struct
import time
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from typing import IO, Any, BinaryIO

import numpy as np
from absl import logging

try:
    import fcntl
except ImportError:  # Windows, where an open file cannot be removed: no lock is needed to protect it.
    fcntl = None  # type: ignore[assignment]  # Not a module.

_LEFTOVER = re.compile(r"\..+\.\d+-[0-9a-f]{8}\.partial")

_LEFTOVER_AGE = 3600.0  # Seconds. On a file system without locks, somebody may still write a younger temporary file.

_ZIP_END = struct.Struct("<10xH10x")  # The record at the end of a zip file; it holds the number of entries.

# Raised by zipfile and NumPy for damage. RuntimeError: encrypted members, unknown compressions (NotImplementedError).
_ZIP_DAMAGE = (ValueError, EOFError, RuntimeError, OverflowError, zipfile.BadZipFile, zlib.error, struct.error)

_NO_FOLDER_SYNC = (errno.EINVAL, errno.ENOTSUP, errno.EACCES)  # From file systems that cannot synchronise a folder.


def write_bytes(path: str | os.PathLike[str], data: bytes) -> None:
    """Makes `data` the content of `path`, completely or not at all.

    Raises:
      OSError: the file cannot be written (no space, no permission, no such folder, ...); the message names `path`,
        which stays as it was.
    """
    with replacing(path) as file:
        file.write(data)


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Makes `text` (as UTF-8) the content of `path`; errors as in `write_bytes`."""
    write_bytes(path, text.encode("utf-8"))


def write_json(path: str | os.PathLike[str], values: Any) -> None:
    """Makes `values` the content of `path` as indented JSON; NumPy numbers and arrays become numbers and lists.

    Raises:
      ValueError: JSON cannot hold `values`: an object of another kind, or a number that is not finite
        (`finite_or_null` replaces such numbers by null).
      OSError: as in `write_bytes`.
    """
    try:
        text = json.dumps(values, indent=2, allow_nan=False, ensure_ascii=False, default=_plain)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{os.fspath(path)}: cannot be written as JSON ({error})") from error
    write_text(path, text + "\n")


def write_npz(path: str | os.PathLike[str], arrays: Mapping[str, np.ndarray]) -> None:
    """Makes `path` an uncompressed npz file of `arrays`, pickle-free; equal arrays give equal bytes.

    The arrays are streamed to the disk, not copied.

    Raises:
      ValueError: an array's dtype needs pickle (object) or has no place in the format (bfloat16).
      OSError: as in `write_bytes`.
    """
    plain = {name: plain_array(path, name, array) for name, array in arrays.items()}
    with replacing(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, array in plain.items():
            with npz_member(archive, name) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)


def plain_array(path: str | os.PathLike[str], name: str, array: np.ndarray) -> np.ndarray:
    """`array` as a NumPy array; ValueError where an npz file could hold it only as a pickle, or not at all."""
    plain = np.asanyarray(array)
    if plain.dtype.hasobject or plain.dtype.kind == "V":
        raise ValueError(
            f"{os.fspath(path)}: array {name!r} has dtype {plain.dtype}; expected numbers, booleans or text"
        )
    return plain


def npz_member(archive: zipfile.ZipFile, name: str) -> IO[bytes]:
    """The open member of a new npz file, to which the array `name` is written."""
    # ZipInfo's default date instead of the current one: equal arrays give equal files.
    return archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True)


def read_json(path: str | os.PathLike[str]) -> Any:
    """The values in the JSON file `path`.

    Raises:
      ValueError: there is no such file, or it is not valid JSON (NaN and Infinity are not); names the file.
      OSError: the file exists but cannot be read.
    """
    with _reading(path) as file:
        data = file.read()
    try:
        return json.loads(data.decode("utf-8"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{os.fspath(path)}: not valid JSON, truncated or damaged ({error})") from error


def read_npz(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    """The arrays of the npz file `path`, by name; all bytes are checked against the checksums, pickles are refused.

    Raises:
      ValueError: there is no such file, it is not an npz file, truncated, damaged, or holds an array that would need
        pickle; names the file.
      OSError: the file exists but cannot be read.
    """
    arrays: dict[str, np.ndarray] = {}
    with _reading(path) as file:
        try:
            with zipfile.ZipFile(file) as archive:
                # Checked before anything is parsed: a damaged header could ask for any amount of memory.
                if (damaged := archive.testzip()) is not None:
                    raise ValueError(f"checksum of {damaged} does not match")
                _require_all_members(archive, file)
                for member in archive.infolist():
                    if not member.filename.endswith(".npy"):
                        raise ValueError(f"{member.filename} is not an array")
                    with archive.open(member) as stream:
                        array = np.lib.format.read_array(stream, allow_pickle=False)
                        if stream.read(1):
                            raise ValueError(f"{member.filename} goes on after its array")
                    arrays[member.filename.removesuffix(".npy")] = array
        except (*_ZIP_DAMAGE, OSError) as error:
            if isinstance(error, OSError) and error.errno != errno.EINVAL:  # EINVAL: a position before the start.
                raise
            reason = f"not an npz file of plain arrays, truncated or damaged ({error})"
            raise ValueError(f"{os.fspath(path)}: {reason}") from error
    return arrays


def finite_or_null(values: Any) -> Any:
    """`values` with every number that is not finite replaced by None, inside mappings and lists too.

    JSON has no NaN and no Infinity; this project's JSON files use null instead.
    """
    if isinstance(values, Mapping):
        return {key: finite_or_null(value) for key, value in values.items()}
    if isinstance(values, (np.ndarray, np.generic)):
        return finite_or_null(values.tolist())
    if isinstance(values, (list, tuple)):
        return [finite_or_null(value) for value in values]
    return None if isinstance(values, float) and not math.isfinite(values) else values


def remove_leftovers(folder: str | os.PathLike[str]) -> list[pathlib.Path]:
    """Removes the temporary files that killed processes left in `folder`, never one that is still being written.

    Returns:
      The removed files; empty when there is no such folder. A file that cannot be removed (the folder is read-only) is
      logged and stays.
    """
    removed: list[pathlib.Path] = []
    folder = pathlib.Path(folder)
    if not folder.is_dir():
        return removed
    for path in sorted(folder.iterdir()):
        if not _LEFTOVER.fullmatch(path.name) or not path.is_file():
            continue
        try:
            if not _is_being_written(path):
                path.unlink()
                removed.append(path)
        except FileNotFoundError:
            pass  # Its writer has just finished, or another process has removed it.
        except OSError as error:
            logging.warning("%s: left by a stopped process, cannot be removed: %s", path, error.strerror)
    return removed


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Opens a binary file for writing, which becomes `path` when the block ends without an error."""
    path = os.fspath(path)
    try:
        target = pathlib.Path(os.path.realpath(path))  # If `path` is a link, its target is replaced and the link stays.
        _require_regular(target)
        temporary, file = _open_temporary(target)
        try:
            with file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, target)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary)
            raise
        sync_folder(target.parent)
    except OSError as error:
        if error.filename not in (None, path) and not os.fspath(error.filename).endswith(".partial"):
            raise  # The error is about another file, which was read for this one.
        raise OSError(error.errno or errno.EIO, f"cannot be written: {error.strerror or error}", path) from error


def _require_regular(target: pathlib.Path) -> None:
    """Refuses a device or a pipe: the rename would replace it by a plain file."""
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISREG(target.stat().st_mode):
            raise OSError(errno.EINVAL, "expected a regular file")


def _open_temporary(target: pathlib.Path) -> tuple[pathlib.Path, BinaryIO]:
    """Opens a new, locked file beside `target`. The lock ends with the process, even when the process is killed."""
    while True:
        temporary = target.with_name(f".{target.name}.{os.getpid()}-{secrets.token_hex(4)}.partial")
        # Not with tempfile: only the owner can read its files; these get the permissions of any new file.
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
        file = os.fdopen(descriptor, "wb")
        if fcntl is None:
            return temporary, file
        with contextlib.suppress(OSError):  # On a file system without locks, `remove_leftovers` goes by age.
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_nlink:
            return temporary, file
        file.close()  # Another process has removed it between its creation and its lock.


def _is_being_written(path: pathlib.Path) -> bool:
    if fcntl is None:
        return False
    descriptor = os.open(path, os.O_RDWR)  # Network file systems lock only files opened for writing.
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return time.time() - path.stat().st_mtime < _LEFTOVER_AGE
    finally:
        os.close(descriptor)
    return False


def sync_folder(folder: pathlib.Path) -> None:
    """Makes a rename in `folder` survive a power failure."""
    if os.name == "nt":  # Windows cannot open a folder.
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _NO_FOLDER_SYNC:
            raise
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _reading(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Opens `path` for reading; a missing file raises a ValueError, any other OSError names the file."""
    path = os.fspath(path)
    try:
        with open(path, "rb") as file:
            yield file
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
        raise ValueError(f"{path}: expected a file; {error.strerror}") from error
    except OSError as error:
        raise OSError(error.errno or errno.EIO, f"cannot be read: {error.strerror or error}", path) from error


def _require_all_members(archive: zipfile.ZipFile, file: BinaryIO) -> None:
    """Refuses an archive with fewer entries than it declares: a damaged length hides some, and zipfile counts none."""
    if archive.comment:  # The end record, with the count, is then elsewhere. NumPy and this file write no comments.
        return
    file.seek(-_ZIP_END.size, os.SEEK_END)
    (entries,) = _ZIP_END.unpack(file.read(_ZIP_END.size))
    if entries not in (len(archive.infolist()), 0xFFFF):  # 0xFFFF: too many to count.
        raise ValueError(f"expected {entries} arrays, found {len(archive.infolist())}")


def _plain(value: Any) -> Any:
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} is not a JSON type")


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
