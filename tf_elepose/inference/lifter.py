"""Lifting from Python: `Lifter("MODEL")(keypoints, confidence, convention="coco_17")`."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np

from tf_elepose.data import visibility
from tf_elepose.data.keypoints import Keypoints
from tf_elepose.data.recording import Recording, check_array, combined
from tf_elepose.data.tracks.side_repair import CHOICES, repair_sides
from tf_elepose.data.visibility import LARGEST_PX, RootCentring
from tf_elepose.inference.model import LiftingModel, percentile
from tf_elepose.inference.opening import open_model
from tf_elepose.motion import body_size
from tf_elepose.motion.levelling import levelled
from tf_elepose.motion.lifted import AXES, Lifted
from tf_elepose.skeleton import conventions
from tf_elepose.skeleton.conversion import Convention, Conversion, conversion
from tf_elepose.skeleton.skeletons import MIN_JOINTS, Skeleton

Progress = Callable[[int], None]
"""Called with the number of poses lifted so far."""


class Lifter:
    """Lifts 2D keypoints to 3D poses; TensorFlow is only needed for models that are not exported.

        lift = Lifter("teacher")
        lifted = lift(keypoints, confidence, convention="coco_17", height_mm=1750)
        lifted.poses_3d, lifted.percentile

    Attributes:
      model: the opened model.
    """

    def __init__(
        self,
        model: str | os.PathLike[str] | LiftingModel,
        *,
        precision: str | None = None,
        likelihood: bool = True,
        threads: int = 2,
        runtime: str = "tflite",
    ) -> None:
        """Opens a model.

        Args:
          model: a folder that `python -m export` wrote, a workdir, a model.npz, or the name of a model that comes with
            the package; a path that exists comes before a name.
          precision: of a bundle's file, see `tflite_model.PRECISIONS`; the most precise one when None.
          likelihood: whether percentiles are computed; False is faster where the model has a file without them.
          threads: that run a bundle.
          runtime: of a bundle, one of `opening.RUNTIMES`.

        Raises:
          ValueError: no such model, a damaged one, or one that cannot be run here; the message gives model and reason.
        """
        if isinstance(model, LiftingModel):
            self.model = model
        else:
            self.model = open_model(os.fspath(model), precision, likelihood, threads, runtime)
        self._likelihood = likelihood and self.model.likelihood_quantiles is not None

    @property
    def skeleton(self) -> Skeleton:
        """The joints of lifted poses."""
        return self.model.skeleton

    def __call__(
        self,
        keypoints: np.ndarray,
        confidence: np.ndarray | None = None,
        *,
        convention: str | Convention | Skeleton | None = None,
        min_confidence: float | None = None,
        root_centred: bool | np.ndarray | None = None,
        height_mm: float | None = None,
        axes: str = "camera",
        subject: Any = "",
        clip: Any = "",
        camera: Any = 0,
        frame: Any = None,
        person: Any = 0,
        frame_rate: float | None = None,
        source: str = "keypoints",
    ) -> Lifted:
        """Lift arrays; row n of the result is row n of `keypoints`.

        Args:
          keypoints: [N, K, 2] px, x right, y down. A joint that is NaN, infinite or 1e6 px or more is not seen, nor
            one at exactly (0, 0) or (-1, -1), whatever its confidence: see `data.visibility`.
          confidence: [N, K]; a joint is not seen where this is not over `min_confidence`, or not a number. All joints
            are seen when None. Models of some methods (CanonPose) also use the confidences of seen joints, 0 to 1.
          convention: of the K joints: a name, the path of a convention file, or a convention itself.
          min_confidence: joints with no more confidence than this are missing; the model's own threshold when None.
          root_centred: whether the poses have their root at the origin, for all or [N]; (0, 0) and (-1, -1) are then
            places. When None, all poses of the call decide together, see `data.visibility.RootCentring`.
          height_mm: of the person: poses are then in mm, see `body_size`.
          axes: "camera", or "level": y is the vertical, see `levelling`.
          subject, clip: text, one for all or [N].
          camera, person: integers from 0, one for all or [N].
          frame: [N] integers from 0; the row's number when None.
          frame_rate: frames a second.
          source: name of the keypoints in messages.

        Raises:
          ValueError: a wrong shape, kind or convention. A pose that cannot be lifted raises nothing and is marked as
            not valid.
        """
        if convention is None:
            joints = np.shape(keypoints)[1] if np.ndim(keypoints) == 3 else None
            raise ValueError(f"{source}: convention: expected {conventions.candidates(joints)}; got none")
        if isinstance(convention, str):
            convention = conventions.get_convention(convention)
        _require_settings(height_mm, axes)
        threshold = self.threshold(min_confidence)
        converted = _conversion(convention, self.skeleton, source)
        points = _keypoints(keypoints, converted, source)
        n = len(points)
        trust = None
        if confidence is not None:
            trust = _numbers(confidence, (n, len(converted.source)), f"{source}: confidence")
        if root_centred is None:
            seen = RootCentring(convention, self.skeleton).seen(points, trust, threshold)
        else:
            seen = visibility.seen(points, trust, threshold, root_centred=_flags(root_centred, n, source))
        poses = converted.apply(np.where(seen[..., np.newaxis], points, np.float32(np.nan)))
        if trust is not None:
            trust = converted.apply_confidence(np.where(seen, trust, np.float32(0.0)))
        given = Keypoints(poses, np.all(np.isfinite(poses), axis=-1), trust)
        rows = {"frame": np.arange(n) if frame is None else frame, "camera": camera, "person": person}
        fields = {name: _column(values, "int", n, f"{source}: {name}") for name, values in rows.items()}
        fields |= {
            name: _column(values, "text", n, f"{source}: {name}")
            for name, values in (("subject", subject), ("clip", clip))
        }
        groups = combined([fields[name] for name in _TRACK]) if self.model.needs_groups else None
        return self._lifted(given, groups, fields | {"source": source, "frame_rate": frame_rate}, height_mm, axes)

    def lift_recording(
        self,
        recording: Recording,
        *,
        poses_2d: str = "gt",
        min_confidence: float | None = None,
        sides: str = "keep",
        height_mm: float | None = None,
        axes: str = "camera",
        frame_rate: float | None = None,
        progress: Progress | None = None,
    ) -> Lifted:
        """Lift a recording that `data.sources.load_source` read for this model's skeleton; the order of rows stays.

        Args:
          recording: of `skeleton`'s joints.
          poses_2d: "gt", the best 2D poses the source has, or "detected".
          min_confidence, height_mm, axes, frame_rate: as for arrays.
          sides: "keep", or "repair": swap left and right back where they jumped, see `data.tracks.side_repair`.
          progress: see `Progress`.

        Raises:
          ValueError: a recording of another skeleton, or an invalid argument.
        """
        if sides not in CHOICES:
            raise ValueError(f"sides: expected {' or '.join(CHOICES)}; got {sides!r}")
        keypoints = recording.view(poses_2d, self.threshold(min_confidence))
        if sides == "repair":
            keypoints, _ = repair_sides(keypoints, recording.tracks, recording.frame, recording.skeleton)
        return self.lift_keypoints(
            keypoints, recording, height_mm=height_mm, axes=axes, frame_rate=frame_rate, progress=progress
        )

    def lift_keypoints(
        self,
        keypoints: Keypoints,
        recording: Recording,
        *,
        height_mm: float | None = None,
        axes: str = "camera",
        frame_rate: float | None = None,
        progress: Progress | None = None,
    ) -> Lifted:
        """Lift given 2D poses of a recording's rows.

        Args:
          keypoints: of `skeleton`'s joints, a row for each of `recording`'s.
          recording: gives subjects, clips, cameras and frames to the result.
          height_mm, axes, frame_rate, progress: as for `lift_recording`.

        Raises:
          ValueError: a recording of another skeleton, or an invalid argument.
        """
        if recording.skeleton.joints != self.skeleton.joints:
            raise ValueError(
                f"{recording.source}: expected joints of {self.skeleton.name!r}; read it with load_source(SOURCE, "
                "lifter.skeleton)"
            )
        _require_settings(height_mm, axes)
        fields: dict[str, Any] = {name: getattr(recording, name) for name in ("source", *_NAMES)}
        if recording.person is None:
            fields["person"] = np.zeros(len(recording), np.int32)
        groups = recording.tracks if self.model.needs_groups else None
        return self._lifted(keypoints, groups, fields | {"frame_rate": frame_rate}, height_mm, axes, progress)

    def threshold(self, min_confidence: float | None) -> float:
        """The confidence over which a joint is seen: `min_confidence`, or the model's own where that is None.

        Raises:
          ValueError: a negative number, or no number.
        """
        if min_confidence is None:
            return self.model.min_confidence
        if not 0.0 <= min_confidence < LARGEST_PX:
            raise ValueError(f"min_confidence: expected a number from 0; got {min_confidence}")
        return float(min_confidence)

    def _lifted(
        self,
        keypoints: Keypoints,
        groups: np.ndarray | None,
        fields: dict[str, Any],
        height_mm: float | None,
        axes: str,
        progress: Progress | None = None,
    ) -> Lifted:
        """Lifts keypoints of the model's joints; for `groups` see `LiftingModel.lift`, for `fields` see `Lifted`."""
        model, seen = self.model, keypoints.seen
        pixels = np.where(seen[..., np.newaxis], keypoints.pixels, np.float32(0.0))
        finite = Keypoints(pixels, seen, keypoints.confidence)
        prediction = model.lift(finite, groups, likelihood=self._likelihood, progress=progress)
        percentiles = None
        if prediction.nll is not None and model.likelihood_quantiles is not None:
            percentiles = percentile(prediction.nll, model.likelihood_quantiles).astype(np.float32)
            percentiles[~prediction.valid] = np.nan
        lifted = Lifted(
            model=f"{model.name} {model.fingerprint}",
            skeleton=model.skeleton,
            poses_3d=prediction.poses_3d,
            unit="unit",
            axes="camera",
            valid=prediction.valid,
            poses_2d=np.where(seen[..., np.newaxis], pixels, np.float32(np.nan)),
            elevation=prediction.elevation,
            percentile=percentiles,
            rotation=prediction.rotation,
            **fields,
        )
        if height_mm is not None:
            lifted = body_size.with_height(lifted, height_mm)
        return levelled(lifted) if axes == "level" else lifted


_TRACK = ("subject", "clip", "camera", "person")
_NAMES = (*_TRACK, "frame")  # These identify a row.


def _require_settings(height_mm: float | None, axes: str) -> None:
    """Raises a ValueError for a wrong height or frame, before anything is computed."""
    if height_mm is not None:
        body_size.require_height(height_mm)
    if axes not in AXES:
        raise ValueError(f"axes: expected {' or '.join(AXES)}; got {axes!r}")


def _conversion(convention: Convention | Skeleton, skeleton: Skeleton, source: str) -> Conversion:
    converted = conversion(convention, skeleton)
    if skeleton.num_joints - len(converted.missing) < min(MIN_JOINTS, skeleton.num_joints):
        raise ValueError(
            f"{source}: convention {convention.name!r} does not know {', '.join(converted.missing)} of skeleton "
            f"{skeleton.name!r}"
        )
    return converted


def _keypoints(keypoints: Any, converted: Conversion, source: str) -> np.ndarray:
    points = np.asarray(keypoints)
    joints = len(converted.source)
    if points.ndim == 2 and points.shape == (joints, 2):
        raise ValueError(f"{source}: expected [N, {joints}, 2] px; got one pose [{joints}, 2]: give keypoints[None]")
    if points.ndim == 3 and points.shape[1] != joints and points.shape[2] == 2:
        raise ValueError(
            f"{source}: expected [N, {joints}, 2] px for this convention; got {list(points.shape)}; of so many joints "
            f"are {conventions.candidates(points.shape[1])}"
        )
    return _numbers(points, (len(points) if points.ndim else 0, joints, 2), f"{source}: keypoints in px")


def _numbers(values: Any, shape: tuple[int, ...], what: str) -> np.ndarray:
    """`values` as float32, too large ones as infinity; ValueError unless they are numbers of `shape`."""
    array = np.asarray(values)
    if array.dtype.kind not in "fiub" or array.shape != shape:
        expected = ["N", *shape[1:]] if len(shape) == 3 else list(shape)
        raise ValueError(
            f"{what}: expected numbers [{', '.join(map(str, expected))}]; got {array.dtype} {list(array.shape)}"
        )
    with np.errstate(over="ignore"):
        return array.astype(np.float32, copy=False)


def _flags(values: Any, n: int, source: str) -> bool | np.ndarray:
    array = np.asarray(values)
    if array.dtype != bool or array.shape not in ((), (n,)):
        raise ValueError(
            f"{source}: root_centred: expected true or false, for all or [{n}]; got {array.dtype} {list(array.shape)}"
        )
    return array if array.ndim else bool(array)


def _column(values: Any, kind: str, n: int, what: str) -> np.ndarray:
    """Values [n], from one value for all rows or from one for each."""
    array = np.asarray(values)
    checked = check_array(np.full(n, values) if array.shape == () else array, kind, (n,), what)
    if kind == "int" and n and checked.min() < 0:
        raise ValueError(f"{what}: expected integers from 0; got {checked.min()}")
    return checked
