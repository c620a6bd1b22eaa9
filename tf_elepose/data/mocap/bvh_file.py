"""Reads BVH files: a hierarchy of joints, and the channels that move them in every frame.

A joint's rotation is the product of the rotations of its channels in the order of the file, so that the last channel is
applied first. A joint's position is its parent's, plus its offset (or its position channels) rotated by the parent.
Angles are in degrees, lengths in the file's own units.

Programs miscount frames, and files are cut off when a recording or a download stops. So if every line is a frame, all
frames in the file are read, with a warning if their number is not the declared one.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import os
import re
from collections.abc import Iterator, Sequence

import numpy as np
from absl import logging

from tf_elepose.data.mocap.virtual_cameras import axis_rotation
from tf_elepose.data.parsers.delimited import decimals_hint
from tf_elepose.data.parsers.limits import opened

_MAX_NODES = 2000  # Characters with faces and clothes have hundreds of joints.
_MAX_DEPTH = 200
_MAX_HIERARCHY_BYTES = 2**20
_MAX_CHANNELS = 6  # For one joint.
_LARGEST = 1e7  # Largest accepted number, in units or degrees.

_MOTION = re.compile(rb"^[ \t]*MOTION[ \t]*\r?$", re.MULTILINE | re.IGNORECASE)
_FRAMES = re.compile(rb"\s*Frames\s*:\s*(\d{1,9})\s+Frame\s+Time\s*:\s*(\S{1,40})", re.IGNORECASE)
_SPACE = re.compile(rb"\s")
_CHUNK_BYTES, _MAX_NUMBER_BYTES = 2**20, 400


@dataclasses.dataclass(frozen=True, eq=False)
class BvhMotion:
    """The motion of n joints in T frames.

    Attributes:
      where: the name of the file in messages.
      names: joint names, parents first; "Head_end" is the end site of "Head".
      parents: index of each joint's parent, -1 without.
      offsets: [n, 3] from the parent, in the parent's frame.
      channels: for each joint, in the file's order: "xrotation", "yposition", ...
      frame_time: seconds from one frame to the next, 0 if the file does not say it.
      values: [T, channels of all joints] the numbers of each frame.
    """

    where: str
    names: tuple[str, ...]
    parents: tuple[int, ...]
    offsets: np.ndarray
    channels: tuple[tuple[str, ...], ...]
    frame_time: float
    values: np.ndarray

    def places(self, joints: Sequence[int], frames: np.ndarray) -> np.ndarray:
        """The positions [t, joints, 3] of `joints` in `frames` [t], in the world."""
        first = np.cumsum([0, *map(len, self.channels)])
        absolute = self._positions_are_absolute
        turned: dict[int, np.ndarray] = {}  # Rotations into the world, [t, 3, 3].
        stands: dict[int, np.ndarray] = {}  # Positions in the world, [t, 3].
        for joint in sorted(self._with_parents(joints)):  # Parents come first.
            parent = self.parents[joint]
            moved = np.tile(self.offsets[joint], (len(frames), 1))
            rotation = np.eye(3)
            for channel, column in zip(self.channels[joint], range(first[joint], first[joint + 1]), strict=True):
                value = self.values[frames, column].astype(np.float64)
                axis = channel[0]
                if channel.endswith("rotation"):
                    rotation = rotation @ axis_rotation(axis, value)
                elif absolute and parent >= 0:
                    moved[:, "xyz".index(axis)] = value
                else:
                    moved[:, "xyz".index(axis)] += value
            if parent >= 0:
                moved = stands[parent] + np.einsum("tij,tj->ti", turned[parent], moved)
                rotation = turned[parent] @ rotation
            stands[joint], turned[joint] = moved, np.broadcast_to(rotation, (len(frames), 3, 3))
        return np.stack([stands[joint] for joint in joints], axis=1)

    def path_length(self, one: int, other: int) -> float:
        """The length of the path from joint `one` to joint `other` along the bones, in the file's units.

        If a joint has position channels, they give the length of its bone: some files have offsets of 0.
        """
        apart = self._with_parents([one]) ^ self._with_parents([other])
        return sum(float(np.linalg.norm(self._bone(joint))) for joint in sorted(apart))

    def _bone(self, joint: int) -> np.ndarray:
        """Returns the median place [3] of a joint in its parent's frame, position channels included."""
        bone = self.offsets[joint].copy()
        if self.parents[joint] < 0:
            return bone
        first = sum(map(len, self.channels[:joint]))
        for column, channel in enumerate(self.channels[joint], start=first):
            if channel.endswith("position"):
                axis = "xyz".index(channel[0])
                moved = np.median(self.values[:, column])
                bone[axis] = moved if self._positions_are_absolute else bone[axis] + moved
        return bone

    def _with_parents(self, joints: Sequence[int]) -> set[int]:
        found: set[int] = set()
        for joint in joints:
            while joint >= 0 and joint not in found:
                found.add(joint)
                joint = self.parents[joint]
        return found

    @functools.cached_property
    def _positions_are_absolute(self) -> bool:
        """Whether position channels of joints with a parent replace the offset, instead of being added to it.

        Programs differ. Bones keep their length, so the right reading is the one that gives bones the length of their
        offset. For roots, positions are added, as in the standard; this moves the whole clip by one vector.
        """
        first = np.cumsum([0, *map(len, self.channels)])
        instead = added = 0.0
        for joint, channels in enumerate(self.channels):
            if self.parents[joint] < 0 or not any(channel.endswith("position") for channel in channels):
                continue
            bone = self.offsets[joint].copy()
            for channel, column in zip(channels, range(first[joint], first[joint + 1]), strict=True):
                if channel.endswith("position"):
                    bone["xyz".index(channel[0])] = np.median(self.values[:, column])
            # An axis without a channel keeps its offset in both readings.
            length = np.linalg.norm(self.offsets[joint])
            moving = np.array([f"{axis}position" in channels for axis in "xyz"])
            instead += abs(np.linalg.norm(bone) - length)
            added += abs(np.linalg.norm(np.where(moving, bone + self.offsets[joint], bone)) - length)
        return bool(instead < added)


def read_bvh_motion(path: str | os.PathLike[str]) -> BvhMotion:
    """Reads the motion in the BVH file at `path`.

    Raises:
      ValueError: there is no such file, or it is wrong: one line with the joint or frame, what was expected and what
        came.
    """
    where = f"bvh file {os.fspath(path)}"
    with opened(path, where, whole=True) as stream:
        data = stream.read()
    motion = _MOTION.search(data)
    if motion is None or motion.start() > _MAX_HIERARCHY_BYTES:
        raise ValueError(f"{where}: expected HIERARCHY, at most {_MAX_HIERARCHY_BYTES} bytes of it, and MOTION")
    names, parents, offsets, channels = _hierarchy(data[: motion.start()], where)
    header = _FRAMES.match(data, motion.end())
    if header is None:
        raise ValueError(f"{where}: expected 'Frames: N' and 'Frame Time: seconds' after MOTION")
    frames, frame_time = int(header[1]), _finite(header[2].decode("latin-1"), f"{where}: Frame Time")
    values = _values(data, header.end(), frames, sum(map(len, channels)), where)
    if not len(values) or frame_time < 0:
        raise ValueError(f"{where}: expected at least one frame and a time; got {frames} frames of {frame_time} s")
    return BvhMotion(where, names, parents, offsets, channels, frame_time, values)


def _hierarchy(
    text: bytes, where: str
) -> tuple[tuple[str, ...], tuple[int, ...], np.ndarray, tuple[tuple[str, ...], ...]]:
    """Names, parents, offsets [n, 3] and channels of the joints."""
    words = iter(text.decode("utf-8", "replace").removeprefix("\ufeff").split())
    if (word := next(words, "")).upper() != "HIERARCHY":
        raise ValueError(f"{where}: expected HIERARCHY; got {word[:40]!r}")
    names: list[str] = []
    parents: list[int] = []
    offsets: list[list[float]] = []
    channels: list[tuple[str, ...]] = []
    above: list[int] = []
    for word in words:
        kind = word.upper()
        if kind in ("ROOT", "JOINT", "END"):
            name = " ".join(iter(lambda: next(words, "{"), "{"))[:80]
            if (kind == "ROOT") == bool(above) or len(names) >= _MAX_NODES or len(above) >= _MAX_DEPTH:
                raise ValueError(
                    f"{where}: {name!r}: expected roots outside and joints inside of joints, at most {_MAX_NODES} and "
                    f"{_MAX_DEPTH} deep"
                )
            parents.append(above[-1] if above else -1)
            above.append(len(names))
            names.append(f"{names[parents[-1]]}_end" if kind == "END" else name)
            offsets.append([0.0] * 3)
            channels.append(())
        elif word == "}" and above:
            above.pop()
        elif kind == "OFFSET" and above:
            offsets[above[-1]] = [_finite(next(words, ""), f"{where}: OFFSET of {names[above[-1]]!r}") for _ in "xyz"]
        elif kind == "CHANNELS" and above:
            channels[above[-1]] = _channels(words, f"{where}: CHANNELS of {names[above[-1]]!r}")
        else:
            raise ValueError(f"{where}: expected ROOT, JOINT, End Site, OFFSET, CHANNELS or a brace; got {word[:40]!r}")
    if above or not names:
        raise ValueError(f"{where}: the hierarchy ends within {names[above[-1]]!r}" if above else f"{where}: no joints")
    return tuple(names), tuple(parents), np.array(offsets), tuple(channels)


def _channels(words: Iterator[str], what: str) -> tuple[str, ...]:
    count = next(words, "")
    if count not in map(str, range(_MAX_CHANNELS + 1)):
        raise ValueError(f"{what}: expected how many, up to {_MAX_CHANNELS}; got {count[:40]!r}")
    names = tuple(next(words, "").lower() for _ in range(int(count)))
    known = [axis + kind for axis in "xyz" for kind in ("rotation", "position")]
    positions = [name for name in names if name.endswith("position")]
    if unknown := [name for name in names if name not in known]:
        raise ValueError(f"{what}: expected X, Y, Z with rotation or position; got {unknown[0][:40]!r}")
    if len(set(positions)) < len(positions):
        raise ValueError(f"{what}: a position is given twice")
    return names


def _values(data: bytes, start: int, frames: int, channels: int, where: str) -> np.ndarray:
    """The numbers of all frames, [frames, channels] float32."""
    if channels == 0:
        raise ValueError(f"{where}: no joint has channels")
    begin, filled, parts = start, 0, []
    while start < len(data):
        space = _SPACE.search(data, min(start + _CHUNK_BYTES, len(data)))
        end = space.start() if space else len(data)
        if end - start > _CHUNK_BYTES + _MAX_NUMBER_BYTES:
            raise ValueError(
                f"{where}: frame {filled // channels}: expected numbers; got a word of {end - start} bytes"
            )
        words = data[start:end].split()
        if words and end == len(data) and not data[-1:].isspace() and not _is_number(words[-1]):
            words.pop()  # A file that is cut off may end within a number, as in "-".
        start = end + 1
        try:
            numbers = np.array([float(word) for word in words])
        except ValueError:
            numbers = np.full(len(words), math.nan)
        with np.errstate(invalid="ignore"):
            wrong = np.flatnonzero(~(np.abs(numbers) <= _LARGEST))
        for place in wrong:
            what = f"{where}: frame {(filled + int(place)) // channels}, number {(filled + int(place)) % channels + 1}"
            numbers[place] = _finite(words[place].decode("latin-1"), what)
        parts.append(numbers.astype(np.float32))
        filled += len(words)
    values = np.concatenate([*parts, np.empty(0, np.float32)])
    if filled != frames * channels:
        held = _frames_held(data[begin:], channels)
        if not held:
            raise ValueError(f"{where}: declares {frames} frames of {channels} numbers; it holds {filled} numbers")
        cut = "; the last line is cut off" if filled > held * channels else ""
        logging.warning("%s: declares %d frames, and holds %d, which are read%s", where, frames, held, cut)
        frames = held
    return values[: frames * channels].reshape(frames, channels)


def _frames_held(text: bytes, channels: int) -> int:
    """Counts the lines of `text` that are a frame of `channels` numbers; 0 if a line before the last is not a frame."""
    counts = [count for line in text.splitlines() if (count := len(line.split()))]
    if counts and counts[-1] < channels:
        counts.pop()
    return len(counts) if all(count == channels for count in counts) else 0


def _is_number(word: bytes) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _finite(word: str, what: str) -> float:
    try:
        number = float(word)
    except ValueError:
        number = math.nan
    if not abs(number) <= _LARGEST:
        raise ValueError(f"{what}: expected a number within {_LARGEST:g}; got {word[:40]!r}{decimals_hint(word)}")
    return number
