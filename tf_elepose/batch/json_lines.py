"""JSON lines: one pose in each line, with its own convention or with the convention that the command names.

    {"poses_2d": [[x, y], ...], "confidence": [...], "convention": "coco_17", "id": "img-7", "clip": "a", "frame": 7}

All but `poses_2d` may be absent: `confidence` [K], `convention`, `id`, `subject`, `clip` (text), `camera`, `person`,
`frame` (integers from 0; without `frame` the line's number). A missing joint is [null, null]; NaN is not JSON.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa

from tf_elepose.batch.block import IDS, BlockKeypoints, DeadLetter, Stretch, Unit
from tf_elepose.batch.naming import named_convention
from tf_elepose.data.parsers.limits import MAX_TEXT_LENGTH, opened
from tf_elepose.skeleton.conversion import Convention

_TOGETHER = 4096  # Lines.
_LONGEST = 1 << 20  # Bytes of a line.
_INTEGERS, _TEXTS = ("camera", "person", "frame"), ("id", "subject", "clip")
_LARGEST = 2**31


@dataclasses.dataclass
class _Alike:
    """Poses of one convention, with confidences or without."""

    convention: Convention
    rows: list[int] = dataclasses.field(default_factory=list)
    poses: list[list[Any]] = dataclasses.field(default_factory=list)
    trust: list[list[Any]] = dataclasses.field(default_factory=list)


def read_lines(unit: Unit, convention: Convention | None) -> Iterator[Stretch]:
    """Reads the poses of a file; a line that is no pose becomes a dead letter.

    Args:
      unit: the file.
      convention: of lines that name none.
    """
    with opened(unit.path, f"JSON lines {unit.path}") as stream:
        lines = _lines(stream)
        for first in itertools.count(0, _TOGETHER):
            part = list(itertools.islice(lines, _TOGETHER))
            if not part:
                return
            yield _stretch(part, first, convention)


def _lines(stream: BinaryIO) -> Iterator[bytes | None]:
    """Yields every line, and None in place of a line that is too long."""
    while line := stream.readline(_LONGEST + 1):
        whole = len(line) <= _LONGEST
        while not line.endswith(b"\n") and (rest := stream.readline(_LONGEST + 1)):
            whole, line = False, rest
        yield line if whole else None


def _stretch(lines: list[bytes | None], first: int, convention: Convention | None) -> Stretch:
    columns: dict[str, list[Any]] = {name: [] for name in IDS.names}
    alike: dict[tuple[str, bool], _Alike] = {}
    letters: list[DeadLetter] = []
    for number, line in enumerate(lines, first):
        if line is not None and not line.strip():
            continue
        identity = None
        try:
            if line is None:
                raise ValueError(f"a line of more than {_LONGEST} bytes")
            values = _parsed(line)
            identity = values.get("id") if isinstance(values.get("id"), str) else None
            known = _known(values, number)
            resolved = named_convention(values.get("convention"), convention)
            trust = values.get("confidence")
            poses = _numbers(values.get("poses_2d"), trust, resolved)
        except ValueError as error:
            letters.append(DeadLetter(number, str(error), identity))
            continue
        for name, value in known.items():
            columns[name].append(value)
        group = alike.setdefault((resolved.name, trust is None), _Alike(resolved))
        group.rows.append(len(columns["row"]) - 1)
        group.poses.append(poses)
        if trust is not None:
            group.trust.append(trust)
    keypoints = [
        BlockKeypoints(
            group.convention,
            np.array(group.rows),
            np.array(group.poses, np.float64).astype(np.float32),
            np.array(group.trust, np.float64).astype(np.float32) if group.trust else None,
        )
        for group in alike.values()
    ]
    return Stretch(pa.table(columns, schema=IDS), keypoints, letters)


def _parsed(line: bytes) -> dict[str, Any]:
    try:
        values = json.loads(line.decode("utf-8"), parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not valid JSON ({error})") from error
    if not isinstance(values, dict):
        raise ValueError(f"expected a JSON object; got {type(values).__name__}")
    return values


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is not JSON: a missing joint is [null, null]")


def _known(values: dict[str, Any], number: int) -> dict[str, Any]:
    known: dict[str, Any] = {"row": number}
    for name in _TEXTS:
        value = values.get(name, None if name == "id" else "")
        if name == "id" and type(value) is int:
            value = str(value)
        if value is not None and (not isinstance(value, str) or len(value) > MAX_TEXT_LENGTH):
            raise ValueError(f"{name}: expected text of at most {MAX_TEXT_LENGTH} characters; got {value!r:.50}")
        if value is None and name != "id":
            value = ""
        if value is not None and not value.isascii():
            value.encode("utf-8")  # Half a surrogate pair is no text: UnicodeEncodeError is a ValueError.
        known[name] = value
    for name in _INTEGERS:
        value = values.get(name, number if name == "frame" else 0)
        if type(value) is not int or not 0 <= value < _LARGEST:
            raise ValueError(f"{name}: expected an integer from 0 to {_LARGEST - 1}; got {value!r:.50}")
        known[name] = value
    return known


def _numbers(poses: Any, trust: Any, convention: Convention) -> list[Any]:
    """`poses`, after checks that it is [K, 2] numbers or null and that `trust` is [K] numbers or None.

    Raises:
      ValueError: one of the two is something else.
    """
    joints = convention.num_joints
    if poses is None:
        raise ValueError("no poses_2d")
    shaped = isinstance(poses, list) and len(poses) == joints
    if not shaped or not all(isinstance(point, list) and len(point) == 2 for point in poses):
        got = [len(poses), *sorted({len(p) if isinstance(p, list) else 1 for p in poses})] if poses else poses
        raise ValueError(f"poses_2d: expected [{joints}, 2] for {convention.name}; got shape {got!r:.50}")
    kinds = {type(value) for point in poses for value in point}
    if not kinds <= {int, float, type(None)}:
        raise ValueError("poses_2d: expected numbers or null")
    if trust is not None:
        if not isinstance(trust, list) or len(trust) != joints:
            raise ValueError(f"confidence: expected [{joints}] for {convention.name}; got {trust!r:.50}")
        kinds |= {type(value) for value in trust}
        if not kinds <= {int, float, type(None)}:
            raise ValueError("confidence: expected numbers or null")
    if int in kinds and any(
        type(value) is int and abs(value) > _LARGEST
        for value in itertools.chain(trust or (), itertools.chain.from_iterable(poses))
    ):
        raise ValueError("expected numbers of a sensible size")
    return poses
