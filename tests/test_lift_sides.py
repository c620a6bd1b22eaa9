"""Swapped sides are corrected before lifting with --sides=repair, and the changes are reported."""

import sys

import numpy as np
import pytest
from stick_people import turning

from tf_elepose import lift
from tf_elepose.cli import commands
from tf_elepose.data.readers.views import write_views
from tf_elepose.inference.lifter import Lifter
from tf_elepose.inference.model import LiftingModel
from tf_elepose.motion.prediction import Prediction
from tf_elepose.skeleton.skeletons import H36M_17

ROWS = slice(20, 30)


class Flat(LiftingModel):
    """Answers with flat poses."""

    name, fingerprint, skeleton, min_confidence = "flat", "sha256:0", H36M_17, 0.25
    likelihood_quantiles = None

    def lift(self, keypoints, groups=None, *, likelihood, progress=None):
        flat = np.pad(keypoints.pixels, ((0, 0), (0, 0), (0, 1)))
        return Prediction(flat, None, keypoints.seen.any(axis=-1))


def recordings():
    """A person who turns slowly by some degrees, and the same with all sides swapped for ten frames."""
    right = turning(rows=60, turn=40.0)
    poses = np.array(right.poses_2d)
    poses[ROWS] = poses[ROWS][:, list(H36M_17.mirror)]
    return right, turning(rows=60, turn=40.0, poses_2d=poses)


def test_a_repaired_recording_lifts_like_the_right_one():
    right, wrong = recordings()
    lifter = Lifter(Flat())
    expected = lifter.lift_recording(right)
    np.testing.assert_array_equal(lifter.lift_recording(wrong, sides="repair").poses_2d, expected.poses_2d)
    assert np.any(lifter.lift_recording(wrong).poses_2d != expected.poses_2d)
    with pytest.raises(ValueError, match="sides: expected repair or keep; got 'swap'"):
        lifter.lift_recording(right, sides="swap")


@pytest.mark.parametrize("sides", ["keep", "repair"])
def test_the_command_reports_its_repairs(monkeypatch, capsys, tmp_path, sides):
    right, wrong = recordings()
    write_views(tmp_path / "v.npz", wrong)
    arguments = [f"views:{tmp_path / 'v.npz'}", "--model=flat", f"--output={tmp_path / 'o.npz'}"]
    monkeypatch.setattr(lift, "_opened", lambda *_: Lifter(Flat()))
    monkeypatch.setattr(sys, "argv", ["lift", *arguments, f"--sides={sides}", "--nolikelihood", "--option=check=off"])
    with pytest.raises(SystemExit) as stopped:
        commands.run(lift.main, lift.define_flags, positional=True)
    assert not stopped.value.code
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("sides: ")]
    expected = {"keep": [], "repair": [
        "sides: left and right changed in 10 of 60 poses (legs 10, arms 10), where they jumped; 1 of 1 tracks: "
        "S1-a-camera0-person0 10"
    ]}  # fmt: skip
    assert lines == expected[sides]
    lifted = np.load(tmp_path / "o.npz")["poses_2d"]
    np.testing.assert_allclose(lifted, (right if sides == "repair" else wrong).poses_2d, rtol=1e-6)
