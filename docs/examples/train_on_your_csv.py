"""Train on a CSV file of your own 2D joints, lift the same file with the trained model, and print some poses.

    python docs/examples/train_on_your_csv.py poses.csv runs/mine [--config.key=value ...]

The file has columns <joint>_x and <joint>_y for each joint of CONVENTION, in pixels, and says in clip, camera and frame
where each row belongs. If there is no such file, one is made of the package's built-in motion, so that you can try
this first. Training takes some minutes on one CPU core; run again, it goes on where it was stopped.
"""

import csv
import pathlib
import subprocess
import sys
from collections.abc import Sequence

import tf_elepose

CONVENTION = "h36m_17"  # docs/data.md lists the others.
CONFIG = pathlib.Path(__file__).parents[2] / "configs" / "quickstart.py"
HEIGHT_MM = 1750  # One camera cannot tell how tall a person is.


def write_made_up(path: str, **options) -> None:
    """A file of simulated people, as an example of the columns; see `tf_elepose.data.synthetic` for the options."""
    people = tf_elepose.load_source("synthetic", tf_elepose.get_skeleton(CONVENTION), **options)
    known = {name: getattr(people, name) for name in ("subject", "clip", "camera", "frame", "split")}
    joints = [f"{joint}_{axis}" for joint in people.skeleton.joints for axis in "xy"]
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([*known, *joints])
        for row, pose in enumerate(people.poses_2d):
            writer.writerow([*(values[row] for values in known.values()), *pose.reshape(-1).round(1)])


def main(arguments: Sequence[str]) -> None:
    path, workdir, *settings = arguments
    if not pathlib.Path(path).exists():
        write_made_up(path)
    source = [f"--config.data=csv:{path}", f"--option=convention={CONVENTION}"]
    command = ["-m", "tf_elepose.train", f"--config={CONFIG}", f"--workdir={workdir}", *source, *settings]
    subprocess.run([sys.executable, *command], check=True)

    lifter = tf_elepose.Lifter(workdir)
    poses = tf_elepose.load_source(f"csv:{path}", lifter.skeleton, convention=CONVENTION)
    lifted = lifter.lift_recording(poses, height_mm=HEIGHT_MM)
    print(f"{lifted.valid.sum()} of {len(lifted)} poses lifted; x right, y down, z forward, in mm about the root")
    assert lifted.elevation is not None  # ElePose estimates it.
    for row in range(0, len(lifted), max(1, len(lifted) // 3)):
        print(f"{lifted.clip[row]}, frame {lifted.frame[row]}: camera {lifted.elevation[row]:.0f} degrees above")
        for joint in ("head", "l_wrist", "r_wrist"):
            x, y, z = lifted.poses_3d[row, lifter.skeleton.index(joint)]
            print(f"  {joint:8s} {x:6.0f} {y:6.0f} {z:6.0f}")


if __name__ == "__main__":
    main(sys.argv[1:])
