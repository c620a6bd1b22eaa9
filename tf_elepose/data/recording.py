"""A recording: people seen by cameras, as arrays with one row for one person in one frame of one camera."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from tf_elepose.data.identities import IDENTITIES, PERSON, PLACE
from tf_elepose.data.keypoints import Keypoints
from tf_elepose.skeleton.skeletons import Skeleton

SPLITS = ("train", "test")
"""The splits that a row can belong to."""

_KIND_NAMES = {"float": "numbers", "int": "integers", "text": "text", "flag": "true or false"}
_NUMPY_KINDS = {"float": "fiu", "int": "iu", "text": "U", "flag": "b"}
_LARGEST_CODE_POINT = 0x10FFFF  # Of Unicode. NumPy takes any 32-bit number for text, and fails when the text is read.


@dataclasses.dataclass(frozen=True, eq=False)
class Recording:
    """Poses of N views with their labels and masks; frozen, its arrays read-only.

    Numbers are stored as float32, `camera`, `frame`, `person` and `image_size` as int32, the rest as text. Rows with
    equal (subject, clip, frame, person) are synchronised views of one moment, if `identity` is PERSON.

    Attributes:
      source: name of the data in messages.
      skeleton: defines the joint axis.
      poses_2d: [N, J, 2] pixels: the best 2D poses the source has (ground truth, where it has that).
      subject, action, clip: [N] text.
      camera, frame: [N] integers from 0.
      split: [N] text, "train" or "test".
      person: [N] integers from 0 that tell the people of a clip apart, or None where each clip has one person.
      visible: [N, J] which joints of `poses_2d` are seen, or None where all are. The coordinates of a joint that is not
        seen are 0 and mean nothing.
      poses_2d_detected: [N, J, 2] pixels, from a detector, or None. A joint it has not found has confidence 0.
      confidence: [N, J] how far the detector trusts each joint, from 0, or None. It belongs to `poses_2d_detected`;
        where these are None, to `poses_2d`, which then come from a detector.
      poses_3d: [N, J, 3] mm in the camera frame, not centred, or None.
      elevation: [N] degrees of the camera above the horizon, positive looking down, or None.
      image_size: [2] width and height in pixels of every camera, or [cameras, 2], or None.
      dropped: how many of the source's poses are not here, by reason.
      identity: one of `IDENTITIES`, what `person` means; if rows differ, the one that means the least.

    Raises:
      ValueError: an array has another shape, kind or number of rows, or holds NaN or infinity.
    """

    source: str
    skeleton: Skeleton
    poses_2d: np.ndarray
    subject: np.ndarray
    action: np.ndarray
    clip: np.ndarray
    camera: np.ndarray
    frame: np.ndarray
    split: np.ndarray
    person: np.ndarray | None = None
    visible: np.ndarray | None = None
    poses_2d_detected: np.ndarray | None = None
    confidence: np.ndarray | None = None
    poses_3d: np.ndarray | None = None
    elevation: np.ndarray | None = None
    image_size: np.ndarray | None = None
    dropped: Mapping[str, int] = dataclasses.field(default_factory=dict)
    identity: str = PERSON

    def __post_init__(self) -> None:
        rows, joints = np.shape(self.poses_2d)[:1], self.skeleton.num_joints
        if rows in ((), (0,)):
            raise ValueError(
                f"{self.source}: poses_2d: expected at least one row [N, {joints}, 2]; got {np.shape(self.poses_2d)}"
            )
        for field, (kind, tail) in row_fields(joints).items():
            if getattr(self, field) is not None:
                checked = check_array(getattr(self, field), kind, rows + tail, f"{self.source}: {field}")
                object.__setattr__(self, field, checked)
            elif field in _REQUIRED:
                raise ValueError(f"{self.source}: {field}: expected an array of {rows[0]} rows; got None")
        if self.identity not in IDENTITIES:
            raise ValueError(f"{self.source}: identity: expected {', '.join(IDENTITIES)}; got {self.identity!r}")
        if self.image_size is not None:
            object.__setattr__(self, "image_size", self._checked_image_size(self.image_size))
        for field in ("camera", "frame", "person", "confidence"):
            values = getattr(self, field)
            if values is not None and values.min() < 0:
                raise ValueError(f"{self.source}: {field}: expected values from 0; got {values.min()}")

    def _checked_image_size(self, given: np.ndarray) -> np.ndarray:
        what = f"{self.source}: image_size"
        shape = np.shape(given)
        size = check_array(given, "int", (2,) if len(shape) != 2 else (shape[0], 2), what)
        if size.size == 0 or size.min() < 1:
            raise ValueError(f"{what}: expected positive widths and heights; got {size.tolist()}")
        if size.ndim == 2 and self.camera.max() >= len(size):
            raise ValueError(f"{what}: sizes of {len(size)} cameras, but camera numbers go up to {self.camera.max()}")
        return size

    def __len__(self) -> int:
        return len(self.poses_2d)

    def select(self, rows: np.ndarray | Sequence[int] | slice) -> Recording:
        """The rows that a mask [N], indices or a slice pick; at least one."""
        picked = {
            field: getattr(self, field)[rows]
            for field in row_fields(self.skeleton.num_joints)
            if getattr(self, field) is not None
        }
        if len(picked["poses_2d"]) == 0:
            raise ValueError(f"{self.source}: the selection leaves none of {len(self)} rows")
        return dataclasses.replace(self, **picked)

    def of_split(self, split: str) -> Recording:
        """The rows of one split; if there are none, a ValueError names the splits that exist."""
        mask = self.split == split
        if not mask.any():
            present = ", ".join(sorted(set(self.split.tolist())))
            raise ValueError(f"{self.source}: no rows of split {split!r}; splits here are {present}")
        return self.select(mask)

    def view(self, kind: str, min_confidence: float = 0.0) -> Keypoints:
        """The 2D poses of all rows, and which of their joints are seen.

        Args:
          kind: "gt", `poses_2d`; or "detected", the poses to which `confidence` belongs.
          min_confidence: joints whose confidence is not above this number are missing.

        Raises:
          ValueError: `kind` is another word, or "detected" where no pose comes from a detector.
        """
        if kind not in ("gt", "detected"):
            raise ValueError(f"{self.source}: 2D poses are 'gt' or 'detected'; got {kind!r}")
        if kind == "detected" and self.poses_2d_detected is None and self.confidence is None:
            raise ValueError(f"{self.source}: has no detected 2D poses; use 'gt'")
        detected = None if kind == "gt" else self.poses_2d_detected
        pixels = self.poses_2d if detected is None else detected
        seen = self.visible.copy() if detected is None and self.visible is not None else np.ones(pixels.shape[:2], bool)
        confidence = self.confidence if kind == "detected" or self.poses_2d_detected is None else None
        if confidence is not None:
            seen &= confidence > min_confidence
        return Keypoints(pixels, seen, confidence)

    @property
    def tracks(self) -> np.ndarray:
        """Labels [N], equal for one person in a clip of one camera.

        If numbers of people are places in the lists of images, nobody can be followed, and each pose is a track.
        """
        columns = [self.subject, self.clip, self.camera] + ([] if self.person is None else [self.person])
        return combined([*columns, self.frame] if self.identity == PLACE else columns)


def combined(columns: Sequence[np.ndarray]) -> np.ndarray:
    """Labels [N] from 0, one for each combination of values in the columns [N] of texts and numbers."""
    numbers = [np.unique(values, return_inverse=True)[1] for values in columns]
    return np.unique(np.stack(numbers, axis=-1), axis=0, return_inverse=True)[1].reshape(-1)


def concatenate(one: Recording, other: Recording) -> Recording:
    """The rows of `one`, then those of `other`, which has the same fields and skeleton."""
    fields = {
        field: np.concatenate([getattr(one, field), getattr(other, field)])
        for field in row_fields(one.skeleton.num_joints)
        if getattr(one, field) is not None and getattr(other, field) is not None
    }
    return dataclasses.replace(one, **fields)


_REQUIRED = ("poses_2d", "subject", "action", "clip", "camera", "frame", "split")


def row_fields(num_joints: int) -> dict[str, tuple[str, tuple[int, ...]]]:
    """The fields of a `Recording` with one entry a row: {field: (kind, shape of one row)}."""
    pose_2d, per_joint, pose_3d = (num_joints, 2), (num_joints,), (num_joints, 3)
    text: dict[str, tuple[str, tuple[int, ...]]] = {f: ("text", ()) for f in ("subject", "action", "clip", "split")}
    numbers: dict[str, tuple[str, tuple[int, ...]]] = {
        "poses_2d": ("float", pose_2d),
        "poses_2d_detected": ("float", pose_2d),
        "confidence": ("float", per_joint),
        "poses_3d": ("float", pose_3d),
        "elevation": ("float", ()),
        "camera": ("int", ()),
        "frame": ("int", ()),
        "person": ("int", ()),
        "visible": ("flag", per_joint),
    }
    return numbers | text


def require_splits(split: np.ndarray, first: int, where: str) -> None:
    """Raises a ValueError where `split` [n], of rows from `first` on, has a value that is not in `SPLITS`."""
    strange = np.flatnonzero(~np.isin(split, SPLITS))
    if len(strange):
        name, row = str(split[strange[0]]), first + int(strange[0])
        raise ValueError(f"{where}: split: expected {' or '.join(SPLITS)}; got {name!r} in row {row}")


def check_array(array: np.ndarray, kind: str, shape: tuple[int, ...], what: str) -> np.ndarray:
    """`array` as a read-only float32, int32, bool or text array of `shape`.

    Args:
      array: anything NumPy takes for an array.
      kind: "float", "int", "flag" or "text".
      shape: the expected shape.
      what: source and field, which messages begin with.

    Raises:
      ValueError: shape or kind differ, numbers are not finite (the message says in how many rows, and names the first)
        or too large for the type, or text is not Unicode.
    """
    array = np.asarray(array)
    if array.dtype.kind not in _NUMPY_KINDS[kind]:
        raise ValueError(f"{what}: expected {_KIND_NAMES[kind]}; got an array of {array.dtype}")
    if array.shape != shape:
        raise ValueError(f"{what}: expected shape {list(shape)}; got {list(array.shape)}")
    if kind == "text":
        checked = _checked_text(array, what)
    elif kind == "flag":
        checked = array
    elif kind == "int":
        limits = np.iinfo(np.int32)
        if array.size and (array.min() < limits.min or array.max() > limits.max):
            raise ValueError(f"{what}: expected integers of 32 bits; got {array.min()} to {array.max()}")
        checked = array.astype(np.int32, copy=False)
    else:
        with np.errstate(over="ignore"):  # What float32 cannot hold becomes infinite and is reported below.
            checked = array.astype(np.float32, copy=False)
        broken = ~np.isfinite(checked)
        if broken.any():
            rows = np.flatnonzero(broken.reshape(len(broken), -1).any(axis=1)) if broken.ndim else np.zeros(1, int)
            raise ValueError(
                f"{what}: NaN or infinity in {len(rows)} of {len(checked)} rows, the first is row {rows[0]}"
            )
    checked = checked.view()  # Freezes this view; the caller's own array stays as it was.
    checked.flags.writeable = False
    return checked


def _checked_text(array: np.ndarray, what: str) -> np.ndarray:
    text = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("="))
    if text.size and text.dtype.itemsize and text.view(np.uint32).max() > _LARGEST_CODE_POINT:
        raise ValueError(f"{what}: expected text; got code points beyond Unicode")
    return text.reshape(array.shape)
