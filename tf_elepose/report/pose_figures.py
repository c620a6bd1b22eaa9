"""Drawings of single poses: the 2D input and the 3D pose from the camera, from the side and from above."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence

import matplotlib.ticker
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from tf_elepose.skeleton.palette import LEFT, MUTED, RIGHT, TRUNK, TRUTH, side_of
from tf_elepose.skeleton.skeletons import Skeleton

_SIDES = {"left": (LEFT, "-", 2.2), "right": (RIGHT, (0, (3.2, 1.1)), 2.2), "trunk": (TRUNK, "-", 2.2)}

# (name, axis drawn to the right, its sign and name, axis drawn upwards, its sign and name); camera frame x right,
# y down, z forward. The side view stands at the subject's left hand when it faces the camera.
_VIEWS = (
    ("Front", 0, 1.0, "right", 1, -1.0, "up"),
    ("Side, turned by 90°", 2, 1.0, "away from camera", 1, -1.0, "up"),
    ("From above", 0, 1.0, "right", 2, 1.0, "away from camera"),
)


def pose_views(
    pose: np.ndarray,
    skeleton: Skeleton,
    true: np.ndarray | None = None,
    image: np.ndarray | None = None,
    unit: str = "mm",
) -> Figure:
    """Draws a predicted pose in four panels: 2D input, from the front, from the side, from above.

    Args:
      pose: [J, 3] centred on the root, camera frame.
      skeleton: names the joints.
      true: [J, 3] true pose, drawn as a broad grey band behind `pose`.
      image: [J, 2] the 2D input, px; NaN for joints that are not drawn. If None, its panel shows the legend.
      unit: of `pose` and `true`.
    """
    figure = Figure(figsize=(4.1, 4.6), layout="constrained")
    axes = list(figure.subplots(2, 2).ravel())
    if image is None:
        axes[0].set_axis_off()
    else:
        _draw_image(axes[0], image, skeleton)
    shown = pose if true is None else np.concatenate([pose, true])
    reach = 1.08 * max(float(np.abs(shown).max()), 1e-6)
    for axis, (name, across, across_sign, right, along, along_sign, up) in zip(axes[1:], _VIEWS, strict=True):
        signs = np.array([across_sign, along_sign])
        if true is not None:
            _draw(axis, true[:, [across, along]] * signs, skeleton, truth=True)
        _draw(axis, pose[:, [across, along]] * signs, skeleton)
        axis.set(xlim=(-reach, reach), ylim=(-reach, reach), title=name)
        axis.set_xlabel(f"{right}, {unit}")
        axis.set_ylabel(f"{up}, {unit}")
        for ticks in (axis.xaxis, axis.yaxis):
            ticks.set_major_locator(matplotlib.ticker.MaxNLocator(4, steps=[1, 2, 5, 10], symmetric=True))
        _plain(axis)
    handles = _legend(with_truth=true is not None)
    if image is None:
        axes[0].legend(handles=handles, loc="center")
    else:
        figure.legend(
            handles=handles, loc="outside lower center", ncols=len(handles), handlelength=1.6, columnspacing=1
        )
    return figure


@dataclasses.dataclass(frozen=True)
class Example:
    """A pose of `pose_gallery`.

    Attributes:
      title: above it; may have two lines.
      image: [J, 2] the 2D input, px; NaN for joints that are not drawn.
      pose: [J, 3] mm, camera frame, root at the origin.
      true: [J, 3] mm, camera frame, root at the origin.
    """

    title: str
    image: np.ndarray
    pose: np.ndarray
    true: np.ndarray


def pose_gallery(rows: Mapping[str, Sequence[Example]], skeleton: Skeleton) -> Figure:
    """Draws rows of poses (figure 3 of ElePose): above, the 2D input; below, the pose from the side, over the true pose
    in grey.

    Args:
      rows: {name of the row: its poses}; all rows have the same number of poses.
      skeleton: names the joints.

    Raises:
      ValueError: no poses, or rows of different lengths.
    """
    counts = {len(examples) for examples in rows.values()}
    if len(counts) != 1 or 0 in counts:
        raise ValueError(f"pose_gallery: expected rows of equal length, at least 1; got {sorted(counts)}")
    (columns,) = counts
    figure = Figure(figsize=(1.15 * columns + 1.0, 3.9 * len(rows) + 0.35), layout="constrained")
    panels = figure.subplots(2 * len(rows), columns, squeeze=False)
    every = [example for examples in rows.values() for example in examples]
    images = {id(e): e.image - 0.5 * np.sum(_box(e.image), axis=0) for e in every}
    _, across, sign, right, along, sign_up, up = _VIEWS[1]
    seen = np.abs(_box(np.concatenate(list(images.values())))).max(axis=0)
    side = np.abs(np.concatenate([np.concatenate([e.pose, e.true]) for e in every])[:, [across, along]]).max(axis=0)
    reach_y, reach_up = (1.08 * max(float(reach[1]), 1e-6) for reach in (seen, side))
    # At least about half as wide as high: narrower panels have no room for the numbers of the ticks.
    reach_x, reach_across = max(1.08 * seen[0], 0.55 * reach_y), max(1.08 * side[0], 0.55 * reach_up)
    for place, (name, examples) in enumerate(rows.items()):
        for column, example in enumerate(examples):
            above, below = panels[2 * place, column], panels[2 * place + 1, column]
            _draw(above, images[id(example)], skeleton)
            above.set(xlim=(-reach_x, reach_x), ylim=(reach_y, -reach_y), title=example.title)
            signs = np.array([sign, sign_up])
            _draw(below, example.true[:, [across, along]] * signs, skeleton, truth=True)
            _draw(below, example.pose[:, [across, along]] * signs, skeleton)
            below.set(xlim=(-reach_across, reach_across), ylim=(-reach_up, reach_up))
            if column == columns // 2:
                above.set_xlabel("x, px")
                below.set_xlabel(f"{right}, mm")
            for axis, label in ((above, f"{name}: 2D input\ny, px"), (below, f"{name}: from the side\n{up}, mm")):
                _plain(axis)
                axis.xaxis.set_major_locator(matplotlib.ticker.MaxNLocator(2, steps=[1, 2, 5, 10], symmetric=True))
                axis.yaxis.set_major_locator(matplotlib.ticker.MaxNLocator(4, steps=[1, 2, 5, 10], symmetric=True))
                if column:
                    axis.tick_params(labelleft=False)
                else:
                    axis.set_ylabel(label)
    handles = _legend(with_truth=True)
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), handlelength=1.6, columnspacing=1)
    return figure


def canonical_views(poses: np.ndarray, skeleton: Skeleton, names: Sequence[str], unit: str = "mm") -> Figure:
    """Draws the canonical poses of several views of one moment over one another, along two pairs of axes (figure 7 of
    CanonPose): where the views agree, the poses cover each other.

    Args:
      poses: [V, J, 3] centred on the root; views that are NaN are left out.
      skeleton: names the joints.
      names: of the views.
      unit: of `poses`.

    Raises:
      ValueError: no view has a pose.
    """
    kept = [view for view in range(len(poses)) if np.isfinite(poses[view]).all()]
    if not kept:
        raise ValueError("canonical_views: expected at least one view with a pose")
    figure = Figure(figsize=(5.4, 3.2), layout="constrained")
    reach = 1.08 * max(float(np.abs(poses[kept]).max()), 1e-6)
    styles = ["-", (0, (3.2, 1.1)), (0, (1.2, 1.0)), (0, (4.0, 1.0, 1.0, 1.0))]
    for axis, (across, along) in zip(figure.subplots(1, 2), ((0, 1), (0, 2)), strict=True):
        for place, view in enumerate(kept):
            for side, (color, _, _) in _SIDES.items():
                bones = [bone for bone in skeleton.bones if side_of(bone[0], skeleton) == side]
                for child, parent in bones:
                    ends = poses[view][[skeleton.index(parent), skeleton.index(child)]][:, [across, along]]
                    line = styles[place % len(styles)]
                    axis.plot(ends[:, 0], ends[:, 1], color=color, linestyle=line, linewidth=1.4)
        axis.set(xlim=(-reach, reach), ylim=(reach, -reach))
        axis.set_xlabel(f"canonical {'xyz'[across]}, {unit}")
        axis.set_ylabel(f"canonical {'xyz'[along]}, {unit}")
        for ticks in (axis.xaxis, axis.yaxis):
            ticks.set_major_locator(matplotlib.ticker.MaxNLocator(4, steps=[1, 2, 5, 10], symmetric=True))
        _plain(axis)
    handles = [
        Line2D([], [], color=TRUNK, linestyle=styles[place % len(styles)], linewidth=1.4, label=names[view])
        for place, view in enumerate(kept)
    ]
    sides = [
        Line2D([], [], color=_SIDES[side][0], linewidth=4.0, label=f"{side} side")
        for side in ("left", "right")
        if any(side_of(joint, skeleton) == side for joint in skeleton.joints)
    ]
    figure.legend(
        handles=handles + sides, loc="outside lower center", ncols=min(len(handles) + len(sides), 4), handlelength=2.4
    )
    return figure


def _draw_image(axis: Axes, image: np.ndarray, skeleton: Skeleton) -> None:
    _draw(axis, image, skeleton)
    low, high = _box(image)
    middle, reach = 0.5 * (low + high), 0.58 * max(float((high - low).max()), 1e-6)
    axis.set(xlim=(middle[0] - reach, middle[0] + reach), ylim=(middle[1] + reach, middle[1] - reach))
    axis.set(title="2D input", xlabel="x, px", ylabel="y, px")
    for ticks in (axis.xaxis, axis.yaxis):
        ticks.set_major_locator(matplotlib.ticker.MaxNLocator(4, steps=[1, 2, 5, 10]))
    _plain(axis)


def _box(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The smallest and the largest x and y [2] of the known `points` [J, 2]; 0 if none is known."""
    known = points[np.isfinite(points).all(axis=-1)]
    return (known.min(axis=0), known.max(axis=0)) if len(known) else (np.zeros(2), np.zeros(2))


def _draw(axis: Axes, points: np.ndarray, skeleton: Skeleton, truth: bool = False) -> None:
    """Draws the bones between `points` [J, 2], each in the colour of its child joint's side, and the joints.

    Joints that are NaN are left out, with their bones.
    """
    for child, parent in skeleton.bones:
        ends = points[[skeleton.index(parent), skeleton.index(child)]]
        if not np.isfinite(ends).all():
            continue
        color, line, width = (TRUTH, "-", 5.5) if truth else _SIDES[side_of(child, skeleton)]
        axis.plot(ends[:, 0], ends[:, 1], color=color, linestyle=line, linewidth=width, solid_capstyle="round")
    if not truth:
        axis.scatter(points[:, 0], points[:, 1], s=7, color="white", edgecolors=MUTED, linewidths=0.6, zorder=3)


def _legend(with_truth: bool) -> list[Line2D]:
    handles = [
        Line2D([], [], color=color, linestyle=line, linewidth=width, label=side)
        for side, (color, line, width) in _SIDES.items()
    ]
    return [*handles, Line2D([], [], color=TRUTH, linewidth=5, label="true")] if with_truth else handles


def _plain(axis: Axes) -> None:
    axis.set_aspect("equal")
    axis.tick_params(labelsize=7.5, length=2)
    axis.xaxis.label.set_fontsize(8.5)
    axis.yaxis.label.set_fontsize(8.5)
    axis.title.set_fontsize(9)


def ranked(order: np.ndarray) -> dict[str, int]:
    """The rows of the "lowest", "middle" and "highest" number of `order` [N], by these names; fewer for N below 3."""
    rows = np.argsort(order, kind="stable")
    places = {"lowest": 0, "middle": math.ceil(len(rows) / 2) - 1, "highest": len(rows) - 1}
    named: dict[str, int] = {}
    for name, place in places.items():
        if int(rows[place]) not in named.values():
            named[name] = int(rows[place])
    return named
