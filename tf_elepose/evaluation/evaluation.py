"""Measures a set of predicted poses; figures are kept for each pose."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from tf_elepose.evaluation import alignment, metrics
from tf_elepose.evaluation.measures import ACTION_MEASURES, MEASURES, REFUSED, summary_table
from tf_elepose.skeleton.skeletons import Skeleton


@dataclasses.dataclass(frozen=True, eq=False)
class Evaluation:
    """The results of `evaluate_poses`; arrays have one row a pose, None stands for a figure that cannot be measured.

    An array that has the name of a measure is a figure of `summary`, by its mean.

    Attributes:
      skeleton: names the joint axis.
      predicted: [N, J, 3] centred on the root, in the model's unit.
      true_mm: [N, J, 3] centred on the root.
      aligned_mm: [N, J, 3] prediction after Procrustes (rotations only) on `true_mm`.
      scaled_mm: [N, J, 3] prediction with least-squares scale; N-MPJPE, PCK and AUC compare it with `true_mm`.
      joint_errors_mm: [N, J] errors of `scaled_mm`.
      pa_joint_errors_mm: [N, J] errors of `aligned_mm`.
      seen: [N, J] which joints the 2D pose showed; the model guessed the others.
      scored: [J] which joints the errors include.
      invalid_poses: number of further poses that could not be lifted.
      rows: [N] places of these poses among all input poses; None: all were evaluated.
      pa_mpjpe_mm, pa_mpjpe_reflected_mm, n_mpjpe_mm, n_mpjpe_norm_ratio_mm: [N], see `metrics`.
      flat_pa_mpjpe_mm: [N] what `pa_mpjpe_mm` would be with no depth at all.
      pck_150, auc_150: [N] percent; names with norm_ratio and with pa_ are the same figures after other alignments.
      cps: [N] 0 to 300.
      cps_unaligned: [N] 0 to 301.
      elevation: [N] degrees of the camera above the horizon, predicted.
      true_elevation: [N] degrees.
      nll: [N] negative log-likelihood of the pose under the prior.
      action: [N] text.
      knees_forward, elbows_forward: [N, 2] True where the knee, or elbow, bends the way it can.
    """

    skeleton: Skeleton
    predicted: np.ndarray
    true_mm: np.ndarray | None = None
    aligned_mm: np.ndarray | None = None
    scaled_mm: np.ndarray | None = None
    joint_errors_mm: np.ndarray | None = None
    pa_joint_errors_mm: np.ndarray | None = None
    seen: np.ndarray | None = None
    scored: np.ndarray | None = None
    invalid_poses: int = 0
    rows: np.ndarray | None = None
    pa_mpjpe_mm: np.ndarray | None = None
    pa_mpjpe_reflected_mm: np.ndarray | None = None
    n_mpjpe_mm: np.ndarray | None = None
    n_mpjpe_norm_ratio_mm: np.ndarray | None = None
    flat_pa_mpjpe_mm: np.ndarray | None = None
    pck_150: np.ndarray | None = None
    auc_150: np.ndarray | None = None
    pck_150_norm_ratio: np.ndarray | None = None
    auc_150_norm_ratio: np.ndarray | None = None
    pa_pck_150: np.ndarray | None = None
    pa_auc_150: np.ndarray | None = None
    cps: np.ndarray | None = None
    cps_unaligned: np.ndarray | None = None
    elevation: np.ndarray | None = None
    true_elevation: np.ndarray | None = None
    nll: np.ndarray | None = None
    action: np.ndarray | None = None
    knees_forward: np.ndarray | None = None
    elbows_forward: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.predicted)

    def summary(self) -> dict[str, Any]:
        """The flat contents of metrics.json: plain numbers, and one small table under `by_action`.

        A figure has no key where its input is missing or where it is undefined (the correlation of a constant).
        """
        values: dict[str, Any] = {"poses": len(self)}
        if self.invalid_poses:
            values["invalid_poses"] = self.invalid_poses
        if self.seen is not None and not self.seen.all():
            values["joints_hidden_share"] = float(1.0 - self.seen.mean())
            if self.pa_joint_errors_mm is not None:
                scored = True if self.scored is None else self.scored
                for key, chosen in (("pa_mpjpe_seen_mm", self.seen), ("pa_mpjpe_hidden_mm", ~self.seen)):
                    if (chosen & scored).any():
                        values[key] = float(self.pa_joint_errors_mm[chosen & scored].mean())
        explained = {measure.key for measure in MEASURES}
        for name, per_pose in vars(self).items():
            if name in explained and isinstance(per_pose, np.ndarray):
                values[name] = float(per_pose.mean())
        if self.true_mm is not None:
            root = self.skeleton.root_index
            _put(values, "depth_correlation", metrics.depth_correlation(self.predicted, self.true_mm, root))
        if self.elevation is not None:
            values["elevation_mean_deg"] = float(self.elevation.mean())
            values["elevation_std_deg"] = float(self.elevation.std())
        if self.true_elevation is not None:
            values["elevation_mean_true_deg"] = float(self.true_elevation.mean())
            if self.elevation is not None:
                _put(values, "elevation_correlation", metrics.pearson(self.elevation, self.true_elevation))
        if self.nll is not None:
            values["nll_mean"] = float(self.nll.mean())
            if self.pa_mpjpe_mm is not None:
                _put(values, "nll_pa_spearman", metrics.spearman(self.nll, self.pa_mpjpe_mm))
                for refused in REFUSED:
                    key = f"pa_mpjpe_refused_{refused}_mm"
                    values[key] = metrics.mean_of_kept(self.nll, self.pa_mpjpe_mm, refused / 100)
        for joints in ("knees", "elbows"):
            if (forward := getattr(self, f"{joints}_forward")) is not None:
                values[f"{joints}_forward_share"] = float(forward.mean())
        if self.action is not None and any(self.action):  # Most sources do not name actions.
            values["by_action"] = self._by_action()
        return values

    def table(self) -> str:
        """Returns `summary` as a table of at most 80 columns for a terminal, and says how each figure was measured."""
        return summary_table(self.summary())

    def _by_action(self) -> dict[str, dict[str, Any]]:
        assert self.action is not None  # The only caller checked.
        rows = {}
        for action in np.unique(self.action):
            chosen = self.action == action
            rows[str(action) or NO_ACTION] = {"poses": int(chosen.sum())} | {
                name: float(per_pose[chosen].mean())
                for name in ACTION_MEASURES
                if (per_pose := getattr(self, name, None)) is not None
            }
        return rows


NO_ACTION = "(none)"
"""Name of the row of poses without an action, in tables that also have poses with one."""

PROTOCOL_JOINTS = {
    "mpi_inf_3dhp": (
        "head", "thorax", "l_shoulder", "r_shoulder", "l_elbow", "r_elbow", "l_wrist", "r_wrist",
        "l_hip", "r_hip", "l_knee", "r_knee", "l_ankle", "r_ankle",
    ),
}  # fmt: skip
"""{data set: joints that its own evaluation includes}. MPI-INF-3DHP's leaves out pelvis, spine and head centre
(mpii_get_pck_auc_joint_groups.m; its neck is the thorax here)."""


def evaluate_poses(
    skeleton: Skeleton,
    predicted_3d: np.ndarray,
    *,
    true_3d: np.ndarray | None = None,
    flat_3d: np.ndarray | None = None,
    elevation: np.ndarray | None = None,
    true_elevation: np.ndarray | None = None,
    nll: np.ndarray | None = None,
    action: np.ndarray | None = None,
    knees_forward: np.ndarray | None = None,
    elbows_forward: np.ndarray | None = None,
    seen: np.ndarray | None = None,
    joints: Sequence[str] | None = None,
    invalid_poses: int = 0,
) -> Evaluation:
    """Measures predicted poses against all that is known about them.

    Args:
      skeleton: names the J joints.
      predicted_3d: [N, J, 3] camera frame, any unit (one for all poses); centred on the root here.
      true_3d: [N, J, 3] mm, camera frame; centred on the root here.
      flat_3d: [N, J, 3] the 2D input with depth 0, any unit: its error is the score without any lifting.
      elevation: [N] predicted, degrees of the camera above the horizon, positive looking down.
      true_elevation: [N] true, degrees of the camera above the horizon, positive looking down.
      nll: [N] negative log-likelihoods.
      action: [N] text, for rows by action.
      knees_forward, elbows_forward: [N, 2] True where the joint bends the way it can; numbers count as True above 0,
        so the results of `geometry.knee_bend` and `elbow_bend` can be given.
      seen: [N, J] which joints the 2D poses showed; seen and hidden joints get separate errors.
      joints: names of the joints that alignment and errors use; all when None. MPI-INF-3DHP's protocol leaves some out
        (`PROTOCOL_JOINTS`).
      invalid_poses: poses that could not be lifted and are not among these.

    Raises:
      ValueError: an argument has the wrong shape or is not finite; names the argument.
    """
    predicted = _numbers("predicted_3d", predicted_3d, (None, skeleton.num_joints, 3))
    n = len(predicted)
    if n == 0:
        raise ValueError("predicted_3d: expected at least one pose; got none")
    centred = {"predicted": alignment.root_center(predicted, skeleton.root_index)}
    flat = None if flat_3d is None else _numbers("flat_3d", flat_3d, predicted.shape)
    measured: dict[str, Any] = {
        "elevation": None if elevation is None else _numbers("elevation", elevation, (n,)),
        "true_elevation": None if true_elevation is None else _numbers("true_elevation", true_elevation, (n,)),
        "nll": None if nll is None else _numbers("nll", nll, (n,)),
        "action": None if action is None else _texts("action", action, n),
    }
    for name, bends in (("knees_forward", knees_forward), ("elbows_forward", elbows_forward)):
        if bends is not None:
            measured[name] = _numbers(name, bends, (n, 2)) > 0
    if true_3d is not None:
        true = _numbers("true_3d", true_3d, predicted.shape)
        centred["true_mm"] = alignment.root_center(true, skeleton.root_index)
        chosen = list(range(skeleton.num_joints) if joints is None else skeleton.indices(tuple(joints)))
        measured |= _against_truth(centred["predicted"], centred["true_mm"], flat, chosen)
    if seen is not None:
        if np.shape(seen) != predicted.shape[:2]:
            raise ValueError(f"seen: expected shape {list(predicted.shape[:2])}; got {list(np.shape(seen))}")
        measured["seen"] = np.asarray(seen, bool)
    if joints is not None:
        measured["scored"] = np.isin(skeleton.joints, joints)
    measured["invalid_poses"] = invalid_poses
    return Evaluation(skeleton=skeleton, **centred, **measured)


def _against_truth(
    predicted: np.ndarray, true: np.ndarray, flat: np.ndarray | None, chosen: list[int]
) -> dict[str, np.ndarray | None]:
    """All comparisons of centred poses [N, J, 3]; figures use the chosen joints, poses and joint errors have all."""
    some, truth = predicted[:, chosen], true[:, chosen]
    aligned = alignment.procrustes(predicted, true, fitted=chosen)
    scaled = alignment.least_squares_scale(some, truth)[:, np.newaxis, np.newaxis] * predicted
    errors = metrics.joint_errors(scaled, true)
    pa_errors = metrics.joint_errors(aligned, true)
    ratio_errors = metrics.joint_errors(metrics.scaled(some, truth, "norm_ratio"), truth)
    return {
        "aligned_mm": aligned,
        "scaled_mm": scaled,
        "joint_errors_mm": errors,
        "pa_joint_errors_mm": pa_errors,
        "pa_mpjpe_mm": pa_errors[:, chosen].mean(axis=-1),
        "pa_mpjpe_reflected_mm": metrics.pa_mpjpe(some, truth, reflection=True),
        "n_mpjpe_mm": errors[:, chosen].mean(axis=-1),
        "n_mpjpe_norm_ratio_mm": ratio_errors.mean(axis=-1),
        "flat_pa_mpjpe_mm": None if flat is None else metrics.pa_mpjpe(flat[:, chosen], truth),
        "pck_150": metrics.pck_of_errors(errors[:, chosen]),
        "auc_150": metrics.auc_of_errors(errors[:, chosen]),
        "pck_150_norm_ratio": metrics.pck_of_errors(ratio_errors),
        "auc_150_norm_ratio": metrics.auc_of_errors(ratio_errors),
        "pa_pck_150": metrics.pck_of_errors(pa_errors[:, chosen]),
        "pa_auc_150": metrics.auc_of_errors(pa_errors[:, chosen]),
        "cps": metrics.cps(some, truth),
        "cps_unaligned": metrics.cps_unaligned(some, truth),
    }


def _numbers(name: str, values: Any, shape: tuple[int | None, ...]) -> np.ndarray:
    """`values` as float64 of `shape` (None: any length), finite; ValueError names the argument."""
    try:
        array = np.asarray(values, np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name}: expected numbers; got {type(values).__name__} ({error})") from error
    expected = "[" + ", ".join("any" if size is None else str(size) for size in shape) + "]"
    fits = array.ndim == len(shape) and all(size in (None, got) for size, got in zip(shape, array.shape, strict=True))
    if not fits:
        raise ValueError(f"{name}: expected shape {expected}; got {list(array.shape)}")
    if not np.all(np.isfinite(array)):
        row = int(np.argwhere(~np.isfinite(array))[0][0])
        count = int(np.sum(~np.isfinite(array)))
        raise ValueError(f"{name}: expected finite numbers; got {count} that are not, the first in row {row}")
    return array


def _texts(name: str, values: Any, n: int) -> np.ndarray:
    array = np.asarray(values)
    if array.shape != (n,) or array.dtype.kind not in "US":
        raise ValueError(
            f"{name}: expected {n} texts, one for each pose; got shape {list(array.shape)} of {array.dtype}"
        )
    return array.astype(np.str_)


def _put(values: dict[str, Any], key: str, value: float | None) -> None:
    if value is not None:
        values[key] = value
