"""The child process that reads HDF5 files for hdf5.py; a damaged file may crash it.

A request is a line of JSON on standard input: {path, seconds, memory} asks for the declared arrays of a file, and with
`name` also for the contents of one array. The answer is a line of JSON, which says how many bytes of an array follow.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import Any, cast

import numpy as np

from tf_elepose.data.parsers.limits import MAX_TEXT_LENGTH, one_line

_MAX_OBJECTS = 2000
_MAX_DEPTH = 8
_FILTERS = (1, 2, 3, 32000)  # Deflate, shuffle, Fletcher's checksum, LZF; other filters load plug-ins.


def serve() -> None:
    """Answers requests, one in each line, until the parent closes the pipe."""
    import h5py  # noqa: F401  Imported before the first limit is set.

    for line in sys.stdin.buffer:
        request, array = json.loads(line), np.zeros(0, np.uint8)
        _limit(request["seconds"], request["memory"])
        try:
            if "name" in request:
                array, reply = _read(request["path"], request["name"])
            else:
                reply = {"arrays": _survey(request["path"])}
        except Exception as error:  # h5py raises any kind of exception for errors of libhdf5.
            reply = {"error": one_line(error) or type(error).__name__}
        sys.stdout.buffer.write(json.dumps(reply | {"bytes": array.nbytes}).encode() + b"\n")
        if array.nbytes:
            sys.stdout.buffer.write(array.reshape(-1).view(np.uint8).data)
        sys.stdout.buffer.flush()


def _limit(seconds: float, memory: int) -> None:
    """Limits this process from now on to `seconds` of CPU time, after which it dies, and to `memory` bytes."""
    try:
        import resource
    except ImportError:  # Windows: only the parent limits the time.
        return
    signal.setitimer(signal.ITIMER_PROF, seconds)  # Its signal ends the process even while libhdf5 runs.
    limits = {resource.RLIMIT_CORE: 0}
    if os.path.exists("/proc/self/statm"):
        with open("/proc/self/statm") as pages:
            limits[resource.RLIMIT_AS] = int(pages.read().split()[0]) * resource.getpagesize() + memory
    for kind, limit in limits.items():
        hard = resource.getrlimit(kind)[1]  # The system may allow less.
        resource.setrlimit(kind, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))


def _survey(path: str) -> dict[str, dict[str, Any]]:
    """The declarations {name: shape, type and sizes, or the problem} of all arrays that hard links lead to."""
    import h5py

    found: dict[str, dict[str, Any]] = {}
    with h5py.File(path, "r", locking=False) as file:
        groups: list[tuple[str, h5py.Group, int]] = [("", file, 0)]
        seen = 0
        while groups:
            prefix, group, depth = groups.pop()
            for link in group:
                seen += 1
                if seen > _MAX_OBJECTS:
                    raise ValueError(f"more than {_MAX_OBJECTS} objects")
                if not isinstance(group.get(link, getlink=True), h5py.HardLink):
                    continue
                name = f"{prefix}{link}"
                try:
                    held = group[link]
                    if isinstance(held, h5py.Dataset):
                        found[name] = _declared(held)
                    elif isinstance(held, h5py.Group) and depth < _MAX_DEPTH:
                        groups.append((name + "/", held, depth + 1))
                except Exception as error:
                    found[name] = {"problem": f"damaged ({one_line(error)})"}
    return found


def _declared(dataset: Any) -> dict[str, Any]:
    """Shape, type and sizes of an h5py dataset, or its problem."""
    import h5py

    # Checked first, because asking for the shape of a virtual data set may open other files.
    if dataset.is_virtual or dataset.external:
        return {"problem": "is kept in other files, which are not opened"}
    plist = dataset.id.get_create_plist()
    filters = [plist.get_filter(place)[0] for place in range(plist.get_nfilters())]
    if unknown := [number for number in filters if number not in _FILTERS]:
        return {"problem": f"is packed with filter {unknown[0]}; known are deflate, shuffle, fletcher32 and lzf"}
    dtype = dataset.dtype
    text = h5py.check_string_dtype(dtype) is not None
    if dataset.shape is None or not (text or dtype.kind in "fiub"):
        return {"problem": f"expected numbers or text; got {'nothing' if dataset.shape is None else dtype}"}
    if text and dtype.itemsize > 4 * MAX_TEXT_LENGTH:
        return {"problem": f"expected text of at most {MAX_TEXT_LENGTH} characters; got {dtype}"}
    return {
        "shape": dataset.shape,
        "dtype": "U" if text else dtype.str,
        "itemsize": dtype.itemsize,
        "stored": dataset.id.get_storage_size(),
        "packed": bool(filters) or dataset.id.get_storage_size() == 0,
    }


def _read(path: str, name: str) -> tuple[np.ndarray, dict[str, Any]]:
    """The bytes of the array, and its shape and type; no bytes and the problem when there is one."""
    import h5py

    with h5py.File(path, "r", locking=False) as file:
        dataset = cast("h5py.Dataset", file[name])  # `_survey` found that it is one.
        entry = _declared(dataset)
        if "problem" in entry:
            return np.zeros(0, np.uint8), entry
        array = np.asarray(dataset[()])
        if entry["dtype"] == "U":
            texts = [(t if isinstance(t, bytes) else bytes(t)).decode() for t in array.reshape(-1).tolist()]
            length = max(map(len, texts), default=0)
            if length > MAX_TEXT_LENGTH:
                return np.zeros(0, np.uint8), {"problem": f"expected text of at most {MAX_TEXT_LENGTH} characters"}
            array = np.array(texts, f"U{max(length, 1)}").reshape(array.shape)
        array = np.ascontiguousarray(array).reshape(array.shape)
        return array, {"shape": array.shape, "dtype": array.dtype.str}


if __name__ == "__main__":
    serve()
