"""`movenet`: MoveNet's output, saved as npz, npy or JSON: y, x, score of COCO's 17 joints, as shares of the picture.

One person: [17, 3] a frame, stacked to [T, 17, 3]; axes of length 1, as the model gives them ([1, 1, 17, 3]), may stay.
Several people: [6, 56] a frame, 17 x (y, x, score), then the box and its score. There are always six rows; most of them
belong to nobody (tfhub.dev/google/movenet, singlepose and multipose; tensorflow/tfjs-models
pose-detection/src/movenet/constants.ts).
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from tf_elepose.data.identities import PERSON, PLACE
from tf_elepose.data.parsers.json_stream import LINES_ENDINGS, JsonStream, shown
from tf_elepose.data.parsers.limits import listed, unpacked_name
from tf_elepose.data.parsers.npy import open_arrays
from tf_elepose.data.readers.keypoint_lists import checked_size, stem
from tf_elepose.data.rows import Rows
from tf_elepose.data.visibility import left_out
from tf_elepose.skeleton import conventions

_WHAT = "MoveNet file"

_CONVENTION = conventions.CONVENTIONS["coco_17"]
_POSE = (_CONVENTION.num_joints, 3)
_NUMBERS = _CONVENTION.num_joints * 3
_MULTIPOSE = _NUMBERS + 5  # The box's four sides and its score.

_USUAL_NAMES = ("keypoints", "keypoints_with_scores", "output_0", "poses")

_LARGEST_SHARE = 2.0  # Joints may lie outside of the picture, but not far.

_PART = 8192  # Frames.

_EXPECTED = f"[T, {_POSE[0]}, 3] or [T, people, {_POSE[0]}, 3] (y, x, score), or multipose's [T, 6, {_MULTIPOSE}]"


def read_movenet(
    path: str | os.PathLike[str],
    *,
    image_size: Sequence[int] | None = None,
    padded: bool = False,
    min_score: float = 0.25,
) -> Iterator[Rows]:
    """Yields the people in the file at `path`.

    The clip is the file's name, the frame the position along the first axis, from 0. Several people have no ids: a
    person's number is its place in the frame.

    Args:
      path: of the file.
      image_size: (width, height) px of the pictures; the arrays do not contain it.
      padded: whether the model was given the picture in the middle of a square (tf.image.resize_with_pad), and the
        coordinates are shares of that square.
      min_score: multipose's rows whose score is not above this number belong to nobody; the default is TensorFlow.js'.

    Raises:
      ValueError: one line with the file, the array, what was expected and what it holds; also without an image size,
        because the proportions of poses are then unknown.
    """
    where = f"{_WHAT} {os.fspath(path)}"
    if image_size is None:
        raise ValueError(
            f"{where}: coordinates are shares of the picture's width and height: state its size in pixels, "
            "--option=image_size=[width,height]"
        )
    size = checked_size(image_size, f"{where}: image_size")
    if type(padded) is not bool:
        raise ValueError(f"{where}: padded: expected true or false; got {padded!r}")
    if type(min_score) not in (int, float):
        raise ValueError(f"{where}: min_score: expected a number; got {min_score!r}")
    is_json = unpacked_name(path).suffix.lower() in (".json", *LINES_ENDINGS)
    first = 0
    for people, score, done in _from_json(path) if is_json else _from_arrays(path):
        yield _rows(people, score, first, stem(path, where), size, padded, min_score, where, done)
        first += len(people)


_Part = tuple[np.ndarray, np.ndarray | None, float]
"""y, x, score [n, P, 17, 3] of n frames, multipose's scores [n, P], and the share of the file read so far."""


def _from_arrays(path: str | os.PathLike[str]) -> Iterator[_Part]:
    with open_arrays(path, _WHAT) as arrays:
        shapes = {name: arrays.declared(name) for name in arrays.names}
        fitting = [name for name, (shape, dtype) in shapes.items() if _is_layout(shape) and dtype.kind == "f"]
        usual = [name for name in _USUAL_NAMES if name in fitting] or fitting
        if not usual:
            held = [f"{name} {list(shape)}" for name, (shape, _) in shapes.items()]
            raise ValueError(f"{arrays.where}: expected an array {_EXPECTED}; it holds {listed(held)}")
        if len(usual) > 1:
            raise ValueError(f"{arrays.where}: expected one array {_EXPECTED}; got {listed(usual)}")
        name, (shape, _) = usual[0], shapes[usual[0]]
        if _is_one_frame(shape):
            yield *_people(arrays.array(name)[np.newaxis]), 1.0
            return
        read = 0
        for block in arrays.blocks(name, _PART):
            read += len(block)
            yield *_people(block), read / max(shape[0], 1)


def _from_json(path: str | os.PathLike[str]) -> Iterator[_Part]:
    frames: list[tuple[np.ndarray, np.ndarray | None]] = []
    with JsonStream(path, _WHAT) as stream:
        joints: list[Any] = []  # The file has one frame: its elements are the joints.
        for _, element in stream:
            what = f"{stream.where}: {stream.place}"
            if type(element) is list and len(element) == 3 and type(element[0]) in (int, float):
                joints.append(element)
                continue
            frames.append(_frame(element, what))
            if len(frames) == _PART or frames[-1][0].shape != frames[0][0].shape:
                yield from _joined(frames, stream.done)
                frames = []
        if joints:
            frames.append(_frame(joints, stream.where))
        if not frames:
            return
        yield from _joined(frames, 1.0)


def _joined(frames: list[tuple[np.ndarray, np.ndarray | None]], done: float) -> Iterator[_Part]:
    """Joins frames [1, P, 17, 3] to parts; all frames of a part have the same number of people."""
    start = 0
    for at in range(1, len(frames) + 1):
        if at < len(frames) and frames[at][0].shape == frames[start][0].shape:
            continue
        scores = [score for _, score in frames[start:at] if score is not None]
        people = np.concatenate([one for one, _ in frames[start:at]])
        yield people, np.concatenate(scores) if len(scores) == at - start else None, done
        start = at


def _frame(element: Any, what: str) -> tuple[np.ndarray, np.ndarray | None]:
    try:
        frame = np.array(element, np.float64)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"{what}: expected lists of numbers, a frame of {_EXPECTED}; got {shown(element)}") from None
    if not _is_layout((1, *frame.shape)):
        raise ValueError(f"{what}: expected a frame of {_EXPECTED}; got shape {list(frame.shape)}")
    return _people(frame[np.newaxis])


def _is_one_frame(shape: tuple[int, ...]) -> bool:
    """Says whether an array of a known layout holds one frame, without an axis for frames."""
    return shape == _POSE or (len(shape) == 2 and shape[1] == _MULTIPOSE)


def _is_layout(shape: tuple[int, ...]) -> bool:
    if _is_one_frame(shape):
        return True
    inner = [length for length in shape[1:] if length != 1] if shape else []
    if shape[-1:] == (_MULTIPOSE,):
        return len(shape) > 2 and len(inner) <= 2
    if inner == [_NUMBERS]:
        return True
    return len(shape) > 2 and shape[-2:] == _POSE and len(inner) <= 3


def _people(block: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """y, x, score [n, P, 17, 3] of n frames of a known layout, and multipose's scores [n, P]."""
    with np.errstate(invalid="ignore"):  # NumPy warns of NaN, which damaged files have.
        block, n = block.astype(np.float64), len(block)
    if block.shape[-1] == _MULTIPOSE:
        people = block.reshape(n, -1, _MULTIPOSE) if n else np.zeros((0, 1, _MULTIPOSE))
        return people[..., :_NUMBERS].reshape(*people.shape[:2], *_POSE), people[..., -1]
    return block.reshape(n, -1, *_POSE) if n else np.zeros((0, 1, *_POSE)), None


def _rows(
    people: np.ndarray,
    score: np.ndarray | None,
    first: int,
    clip: str,
    size: tuple[int, int],
    padded: bool,
    min_score: float,
    where: str,
    done: float,
) -> Rows:
    shares = people[..., 1::-1]  # x first.
    far = np.abs(shares[np.isfinite(shares) & (np.abs(shares) > _LARGEST_SHARE)])
    if far.size:
        raise ValueError(
            f"{where}: expected shares of the picture's width and height, within {_LARGEST_SHARE:g}; got {far[0]:g}"
        )
    side = np.array([max(size)] * 2 if padded else size, np.float64)
    pixels = np.where(left_out(shares)[..., np.newaxis], np.nan, shares) * side - (side - size) / 2
    found = np.ones(people.shape[:2], bool) if score is None else score > min_score
    frame, person = np.nonzero(found)
    several = people.shape[1] > 1
    left = int((~found).sum())
    return Rows(
        convention=_CONVENTION,
        poses_2d=pixels[found].astype(np.float32),
        confidence=people[..., 2][found],
        subject=clip,
        clip=clip,
        frame=first + frame,
        person=person,
        identity=PLACE if several else PERSON,
        score=None if score is None else score[found],
        image_size=size,
        dropped={f"with a score of at most {min_score:g}": left} if left else {},
        done=done,
    )
