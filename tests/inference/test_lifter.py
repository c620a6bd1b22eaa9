"""Lifting from Python: rows in are rows out, a bad pose is not valid and never an error, a wrong array always is."""

import subprocess
import sys

import numpy as np
import pytest
import walker
from lifting_bundle import keypoints, small_lifting_bundle, small_run
from stick_people import turning

import tf_elepose
from tf_elepose import pretrained
from tf_elepose.data.assembly import assemble
from tf_elepose.data.keypoints import Keypoints
from tf_elepose.data.rows import Rows
from tf_elepose.inference.lifter import Lifter
from tf_elepose.inference.model import LiftingModel
from tf_elepose.motion import body_size
from tf_elepose.motion.levelling import levelled
from tf_elepose.motion.prediction import Prediction
from tf_elepose.skeleton.conventions import get_convention
from tf_elepose.skeleton.conversion import conversion
from tf_elepose.skeleton.skeletons import H36M_17, H36M_17_ELEPOSE

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.usefixtures("quick_completer")]
pytest_plugins = ("quick_completer",)


@pytest.fixture(scope="module")
def lift():
    return Lifter(small_lifting_bundle())


class Recorder(LiftingModel):
    """A model that keeps what it is asked and answers with flat poses."""

    name, fingerprint, skeleton, min_confidence = "recorder", "sha256:0", H36M_17, 0.25
    likelihood_quantiles = None

    def __init__(self, needs_groups=False):
        self.needs_groups = needs_groups

    def lift(self, keypoints, groups=None, *, likelihood, progress=None):
        self.asked = (keypoints.pixels, keypoints.seen, groups, likelihood)
        self.trust = keypoints.confidence
        flat = np.pad(keypoints.pixels, ((0, 0), (0, 0), (0, 1)))
        return Prediction(flat, None, keypoints.seen.any(axis=-1))


def test_bad_poses_are_not_valid_and_everything_is_finite(lift):
    points = keypoints(12).astype(np.float64)
    confidence = np.ones(points.shape[:2])
    points[0] = 0.0
    points[1] = np.nan
    points[2] = 1e30
    points[3] = -np.inf
    points[4, 5:] = np.nan  # Five joints.
    confidence[5] = 0.0
    confidence[6] = np.nan
    confidence[7, 1:] = 0.0
    points[8] = points[8, :1]
    points[9, 3] = 1e300  # One joint: the others do.
    lifted = lift(points, confidence, convention="h36m_17")
    assert lifted.valid.tolist() == [False] * 9 + [True] * 3
    assert np.isfinite(lifted.poses_3d).all() and (lifted.poses_3d[:9] == 0).all()
    assert np.isfinite(lifted.elevation).all() and (lifted.elevation[:9] == 0).all()
    assert np.isnan(lifted.percentile[:9]).all()
    assert ((lifted.percentile[9:] >= 0) & (lifted.percentile[9:] <= 100)).all()
    assert np.isnan(lifted.poses_2d[9, 3]).all() and np.isfinite(lifted.poses_2d[9, 4]).all()
    sized = lift(points, confidence, convention="h36m_17", height_mm=1700, axes="level")
    assert np.isfinite(sized.poses_3d).all() and (sized.poses_3d[:9] == 0).all()


@pytest.mark.parametrize("place", [0.0, -1.0, np.inf])
@pytest.mark.parametrize("confidence", [None, 0.31])
def test_joints_that_a_program_left_out_are_not_seen(place, confidence):
    points, lift = walker.poses()[:1], Lifter("cmu")
    trust = None if confidence is None else np.full((1, 17), confidence)
    full = lift(points, trust, convention="coco_17", height_mm=1750)
    points[0, [9, 15]] = np.nan
    expected = lift(points, trust, convention="coco_17", height_mm=1750)
    points[0, [9, 15]] = place
    lifted = lift(points, trust, convention="coco_17", height_mm=1750)
    np.testing.assert_array_equal(lifted.poses_3d, expected.poses_3d)
    np.testing.assert_array_equal(lifted.poses_2d, expected.poses_2d)
    assert np.isnan(lifted.poses_2d).any(axis=-1).sum() == 2
    assert np.linalg.norm(lifted.poses_3d - full.poses_3d, axis=-1).mean() < 60.0


@pytest.mark.parametrize("kind", ["tflite", "workdir"])
def test_root_centred_poses_keep_their_root(lift, kind):
    if kind == "workdir":
        lift = Lifter(small_run())
    points = keypoints(20)
    centred = points - points[:, [H36M_17.root_index]]
    centred[7] = np.abs(centred[7])  # One-sided: alone, it would not be root-centred.
    lifted, moved = lift(centred, convention="h36m_17"), lift(centred + 500.0, convention="h36m_17")
    assert lifted.valid.all() and (lifted.poses_2d[:, H36M_17.root_index] == 0).all()
    np.testing.assert_allclose(lifted.poses_3d, moved.poses_3d, atol=1e-3)
    alone = lift(centred[7:8], convention="h36m_17")
    assert np.isnan(alone.poses_2d[0, H36M_17.root_index]).all()
    told = lift(centred[7:8], convention="h36m_17", root_centred=True)
    np.testing.assert_allclose(told.poses_3d, lifted.poses_3d[7:8], atol=1e-5)
    told = lift(centred, convention="h36m_17", root_centred=np.arange(20) != 3)
    assert np.isnan(told.poses_2d).any(axis=(1, 2)).tolist() == [row == 3 for row in range(20)]


def test_a_joint_that_a_mask_shows_in_the_corner_is_there(lift):
    """A recording's mask comes from the file's own joints; a joint that is computed from others may be at (0, 0)."""
    points = keypoints(3)
    points[1] -= points[1, 5]
    assert (points[1] == 0).all(axis=-1).sum() == 1
    seen = np.ones(points.shape[:2], bool)
    got = lift.model.lift(Keypoints(points, seen), likelihood=False)
    points[1] += 300.0
    np.testing.assert_allclose(
        got.poses_3d, lift.model.lift(Keypoints(points, seen), likelihood=False).poses_3d, atol=1e-4
    )


def test_joints_are_taken_by_name(lift):
    points = keypoints()
    one = lift(points, convention="h36m_17")
    order = [H36M_17.index(joint) for joint in H36M_17_ELEPOSE.joints]
    for convention in ("h36m_17_elepose", "H36M-17-ElePose", H36M_17_ELEPOSE):
        np.testing.assert_array_equal(lift(points[:, order], convention=convention).poses_3d, one.poses_3d)


def test_arrays_and_files_are_converted_alike():
    coco = get_convention("coco_17")
    rng = np.random.default_rng(0)
    points = rng.uniform(0, 1000, (30, 17, 2)).astype(np.float32)
    confidence = rng.uniform(0, 1, (30, 17)).astype(np.float32)
    from_arrays, from_file = Recorder(), Recorder()
    Lifter(from_arrays)(points, confidence, convention="coco_17", min_confidence=0.3)
    rows = Rows(coco, points.copy(), confidence=confidence, subject="s", clip="c", frame=np.arange(30))
    recording = assemble([rows], H36M_17, "test", min_joints=1)
    Lifter(from_file).lift_recording(recording, min_confidence=0.3)
    seen = from_arrays.asked[1]
    np.testing.assert_array_equal(seen, from_file.asked[1])
    np.testing.assert_array_equal(from_arrays.asked[0], from_file.asked[0])
    assert 0.1 < seen.mean() < 0.9
    # A joint is seen where all that it is made of is.
    middle = conversion(coco, H36M_17).recipes[H36M_17.index("root")]
    assert set(middle) == {"l_hip", "r_hip"}
    both = (confidence[:, [coco.index("l_hip"), coco.index("r_hip")]] > 0.3).all(axis=1)
    np.testing.assert_array_equal(seen[:, H36M_17.index("root")], both)


def test_confidences_are_converted_to_the_models_own_joints():
    coco = get_convention("coco_17")
    points, trust = np.random.default_rng(0).uniform(0, 1000, (9, 17, 2)), np.random.default_rng(1).random((9, 17))
    trust[4, 3] = np.nan
    from_arrays, from_file = Recorder(), Recorder()
    Lifter(from_arrays)(points, trust, convention="coco_17")
    rows = Rows(
        coco, points.astype(np.float32), confidence=trust.astype(np.float32), subject="s", clip="c", frame=np.arange(9)
    )
    Lifter(from_file).lift_recording(assemble([rows], H36M_17, "test", min_joints=1))
    known = from_arrays.asked[1]
    np.testing.assert_array_equal(from_arrays.trust[known], from_file.trust[known])
    both = trust[:, [coco.index("l_hip"), coco.index("r_hip")]].min(axis=1)
    seen = from_arrays.asked[1][:, H36M_17.root_index]
    np.testing.assert_allclose(from_arrays.trust[seen, H36M_17.root_index], both[seen], rtol=1e-6)
    Lifter(from_arrays)(points, convention="coco_17")
    assert from_arrays.trust is None  # Nothing is known, which is not the same as being sure.


def test_the_threshold_is_the_models_unless_given():
    model = Recorder()
    confidence = np.tile(np.linspace(0, 1, 17, dtype=np.float32), (1, 1))
    for stated, threshold in ((None, 0.25), (0.0, 0.0), (0.5, 0.5)):
        Lifter(model)(keypoints(1), confidence, convention="h36m_17", min_confidence=stated)
        np.testing.assert_array_equal(model.asked[1], confidence > threshold)


def test_labels_of_the_rows_are_returned(lift):
    points = keypoints(3)
    lifted = lift(points, convention="h36m_17", clip="a", subject=np.array(["x", "y", "x"]), frame=[4, 5, 6],
                  person=[1, 1, 0], camera=2, frame_rate=25.0, source="mine")  # fmt: skip
    assert lifted.clip.tolist() == ["a"] * 3 and lifted.subject.tolist() == ["x", "y", "x"]
    assert (lifted.frame.tolist(), lifted.person.tolist(), lifted.camera.tolist()) == ([4, 5, 6], [1, 1, 0], [2] * 3)
    assert (lifted.frame_rate, lifted.source, lifted.unit, lifted.axes) == (25.0, "mine", "unit", "camera")
    assert lifted.model.startswith("elepose sha256:") and lifted.skeleton == H36M_17
    np.testing.assert_array_equal(lifted.poses_2d, points)
    assert lift(points, convention="h36m_17").frame.tolist() == [0, 1, 2]


def test_height_and_level_axes_agree_with_their_own_functions(lift):
    plain = lift(keypoints(), convention="h36m_17")
    both = lift(keypoints(), convention="h36m_17", height_mm=1800, axes="level")
    assert (both.unit, both.axes) == ("mm", "level")
    np.testing.assert_allclose(both.poses_3d, levelled(body_size.with_height(plain, 1800)).poses_3d, atol=1e-2)


def test_a_workdir_gives_the_same_poses_as_its_export(lift):
    trained = Lifter(small_run())
    one, other = (l(keypoints(), convention="h36m_17") for l in (lift, trained))  # noqa: E741
    np.testing.assert_allclose(one.poses_3d, other.poses_3d, atol=1e-4)
    np.testing.assert_allclose(one.percentile, other.percentile, atol=0.1)
    assert one.model == other.model
    np.testing.assert_array_equal(
        Lifter(small_run() / "model.npz")(keypoints(), convention="h36m_17").poses_3d, other.poses_3d
    )
    assert Lifter(small_run(), likelihood=False)(keypoints(2), convention="h36m_17").percentile is None


def test_zero_poses_are_lifted_without_error(lift):
    lifted = lift(np.zeros((0, 17, 2)), np.zeros((0, 17)), convention="h36m_17", height_mm=1700, axes="level")
    assert len(lifted) == 0 and lifted.unit == "mm"
    assert len(Lifter(small_run())(np.zeros((0, 17, 2)), convention="h36m_17")) == 0


def test_without_likelihood_there_is_no_percentile():
    assert Lifter(small_lifting_bundle(), likelihood=False)(keypoints(2), convention="h36m_17").percentile is None


def test_groups_are_people_of_clips_and_cameras():
    model = Recorder(needs_groups=True)
    Lifter(model).lift_recording(turning(rows=6, clip=np.full(6, "a"), person=np.array([0, 1, 0, 1, 0, 1])))
    assert model.asked[2].tolist() == [0, 1, 0, 1, 0, 1]
    Lifter(model).lift_recording(turning(rows=4, clip=np.full(4, "a"), person=np.array([0, 1, 0, 1]),
                                         frame=np.array([0, 0, 1, 1]), identity="place"))  # fmt: skip
    assert len(set(model.asked[2].tolist())) == 4
    Lifter(model)(keypoints(5), convention="h36m_17", clip=np.array(list("abaab")), camera=[0, 0, 1, 0, 0])
    assert model.asked[2].tolist() == [0, 2, 1, 0, 2]
    Lifter(model := Recorder())(keypoints(5), convention="h36m_17")
    assert model.asked[2] is None


def test_a_recording_of_ground_truth_and_detections():
    recording = turning(rows=20, poses_2d_detected=turning(rows=20).poses_2d + 1, confidence=np.full((20, 17), 0.2))
    model = Recorder()
    lifted = Lifter(model).lift_recording(recording)
    np.testing.assert_array_equal(model.asked[0], recording.poses_2d)
    assert lifted.clip.tolist() == recording.clip.tolist() and lifted.person.tolist() == [0] * 20
    Lifter(model).lift_recording(recording, poses_2d="detected")
    assert not model.asked[1].any()
    Lifter(model).lift_recording(recording, poses_2d="detected", min_confidence=0.1)
    np.testing.assert_array_equal(model.asked[0], recording.poses_2d_detected)


P = keypoints(2)


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((P,), {"convention": None}, r"convention: expected one of h36m_17, .*coco_17.*; got none"),
        ((P[:, :14],), {"convention": None}, r"convention: expected one of lsp_14, aic_14, crowdpose_14 or"),
        ((P[0],), {}, r"expected \[N, 17, 2\] px; got one pose \[17, 2\]: give keypoints\[None\]"),
        ((P[:, :14],), {}, r"got \[2, 14, 2\]; of so many joints are one of lsp_14"),
        ((np.zeros((2, 17, 3)),), {}, r"keypoints in px: expected numbers \[N, 17, 2\]; got float64 \[2, 17, 3\]"),
        ((np.zeros(3),), {}, r"expected numbers \[N, 17, 2\]; got float64 \[3\]"),
        (("text",), {}, r"expected numbers \[N, 17, 2\]; got <U4 \[\]"),
        ((P.astype(str),), {}, r"expected numbers \[N, 17, 2\]; got <U"),
        ((P, np.ones((2, 16))), {}, r"confidence: expected numbers \[2, 17\]; got float64 \[2, 16\]"),
        ((P,), {"convention": "coc"}, "unknown convention 'coc'"),
        ((P,), {"height_mm": 1.75}, "1.75 m are 1750"),
        ((P,), {"axes": "world"}, "axes: expected camera or level; got 'world'"),
        ((P,), {"min_confidence": -1}, "min_confidence: expected a number from 0; got -1"),
        ((P,), {"frame": [1]}, r"frame: expected shape \[2\]; got \[1\]"),
        ((P,), {"frame": [1, -1]}, "frame: expected integers from 0; got -1"),
        ((P,), {"person": 0.5}, "person: expected integers; got an array of float64"),
        ((P,), {"clip": 3}, "clip: expected text"),
        ((P,), {"root_centred": 1}, r"root_centred: expected true or false, for all or \[2\]; got int64"),
    ],
)
def test_a_wrong_argument_is_refused(lift, arguments, options, message):
    with pytest.raises(ValueError, match=message):
        lift(*arguments, **({"convention": "h36m_17"} | options))


def test_a_recording_of_other_joints_is_refused(lift):
    recording = turning(rows=2)
    other = tf_elepose.Recording(**{f: getattr(recording, f) for f in ("source", "poses_2d", "subject", "action",
        "clip", "camera", "frame", "split")}, skeleton=H36M_17_ELEPOSE)  # fmt: skip
    with pytest.raises(ValueError, match="expected joints of 'h36m_17'; read it with load_source"):
        lift.lift_recording(other)


def test_a_model_by_name(monkeypatch, tmp_path):
    monkeypatch.setattr(pretrained, "_FOLDER", tmp_path)
    with pytest.raises(ValueError, match="model 'small': no such file or folder; no models came with this"):
        Lifter("small")
    (tmp_path / "small").symlink_to(small_lifting_bundle())
    (tmp_path / "notes").mkdir()
    lifted = Lifter("small")(keypoints(1), convention="h36m_17")
    assert lifted.model.startswith("small sha256:")
    with pytest.raises(ValueError, match="model 'smal': no such file or folder; by name there are small"):
        Lifter("smal")


def test_a_path_comes_before_a_name(monkeypatch, tmp_path):
    monkeypatch.setattr(pretrained, "_FOLDER", tmp_path)
    (tmp_path / "small").symlink_to(small_lifting_bundle())
    (tmp_path / "here" / "small").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(ValueError, match=r"small: expected a finished run with a model.npz"):
        Lifter("small")


def test_the_error_names_a_file_that_is_no_model(tmp_path):
    (tmp_path / "a.tflite").write_bytes(b"")
    with pytest.raises(ValueError, match=r"expected the folder of an export, a workdir, or a model.npz"):
        Lifter(tmp_path / "a.tflite")
    with pytest.raises(ValueError, match="precision int8 is for exported models"):
        Lifter(small_run(), precision="int8")


def test_a_bundle_needs_no_tensorflow():
    script = (
        "import sys, numpy as np; from tf_elepose import Lifter, Lifted\n"
        f"lifted = Lifter({str(small_lifting_bundle())!r})(np.random.rand(3, 17, 2) * 100, convention='coco_17')\n"
        "assert isinstance(lifted, Lifted)\n"
        "print([m for m in ('tensorflow', 'keras', 'h5py', 'scipy', 'matplotlib', 'PIL') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
