"""Lift a file of keypoints with a model that comes with the package, and draw four of its poses.

    python docs/examples/lift_and_plot.py coco:detections.json poses.png
    python docs/examples/lift_and_plot.py csv:walk.csv poses.png h36m_17

The first argument is any FORMAT:PATH of docs/data.md; the third says whose joints a table has. It needs Matplotlib:
pip install '.[report]'.
"""

import sys
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

import tf_elepose
from tf_elepose.skeleton.palette import SIDES, side_of

POSES = 4
SIDEWAYS, UP = (-700, 700), (-1000, 1000)  # mm; the root, between the hips, is at 0.


def draw(lifted: tf_elepose.Lifted, rows: np.ndarray) -> Figure:
    """Above what was seen, below the 3D poses, turned so that depth shows."""
    figure = Figure(figsize=(3 * len(rows), 7), layout="constrained")
    for column, row in enumerate(rows, 1):
        image = figure.add_subplot(2, len(rows), column)
        body = figure.add_subplot(2, len(rows), len(rows) + column, projection="3d")
        for bone in lifted.skeleton.bones:
            ends, colour = list(lifted.skeleton.indices(bone)), SIDES[side_of(bone[0], lifted.skeleton)]
            image.plot(*lifted.poses_2d[row, ends].T, color=colour, linewidth=2)
            x, y, z = lifted.poses_3d[row, ends].T
            body.plot(x, z, -y, color=colour, linewidth=2)
        image.set(title=f"{lifted.clip[row]}, frame {lifted.frame[row]}", xlabel="px")
        image.set_aspect("equal", adjustable="datalim")
        image.invert_yaxis()  # Pixels are counted downwards.
        body.set(title="mm about the root", xlabel="right", ylabel="away", xlim=SIDEWAYS, ylim=SIDEWAYS, zlim=UP)
        body.set(xticks=(-500, 500), yticks=(-500, 500), zticks=(-500, 0, 500))
        body.set_box_aspect((np.ptp(SIDEWAYS), np.ptp(SIDEWAYS), np.ptp(UP)))
        body.view_init(elev=10, azim=-50)
    return figure


def main(arguments: Sequence[str]) -> None:
    source, picture, *convention = arguments
    lifter = tf_elepose.Lifter("cmu")
    options = {"convention": convention[0]} if convention else {}
    recording = tf_elepose.load_source(source, lifter.skeleton, **options)
    lifted = lifter.lift_recording(recording, height_mm=1750, axes="level")
    _, track = next(lifted.tracks())  # One person in one clip and camera, frame by frame.
    track = track[lifted.valid[track]]
    rows = track[np.linspace(0, len(track) - 1, min(POSES, len(track))).astype(int)]
    draw(lifted, rows).savefig(picture, dpi=100)
    print(f"{picture}: {len(rows)} of {lifted.valid.sum()} lifted poses")


if __name__ == "__main__":
    main(sys.argv[1:])
