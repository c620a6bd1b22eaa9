"""The report is one page with all figures, says what is missing, and never shows text as markup."""

import base64
import html.parser
import re

import matplotlib
import numpy as np
import pytest

from tf_elepose.evaluation.evaluation import evaluate_poses
from tf_elepose.report import figures, learning_figures, pose_figures
from tf_elepose.report.report import write_report
from tf_elepose.skeleton.palette import side_of
from tf_elepose.skeleton.skeletons import H36M_17, H36M_17_ELEPOSE

N = 60
PNG = b"\x89PNG\r\n\x1a\n"
EVERY_PICTURE = {
    "learning-prior", "learning-lifter", "pose-best", "pose-median", "pose-worst", "joint-errors", "correct",
    "elevation", "likelihood", "rejection",
}  # fmt: skip
HISTORY = {
    "prior": [{"step": 10 * k, "nll": 5.0 - k, "val_nll": 6.0 - k, "seconds": 2.0 * k} for k in range(1, 9)],
    "lifter": [{"step": k, "loss": 1.0 / k, "bone": None, "note": "text", "pa_mpjpe_mm": 50.0} for k in range(1, 300)],
}


class Page(html.parser.HTMLParser):
    """The parsed page: tags, the attributes of images, and the text outside of <style>."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.images: list[dict[str, str | None]] = []
        self.text = ""
        self._in_style = False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self._in_style = tag == "style"
        if tag == "img":
            self.images.append(dict(attrs))

    def handle_endtag(self, tag):
        self._in_style = False

    def handle_data(self, data):
        if not self._in_style:
            self.text += data


@pytest.fixture(scope="module")
def true() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(N, H36M_17.num_joints, 3)) * 300.0


@pytest.fixture(scope="module")
def evaluation(true):
    rng = np.random.default_rng(1)
    noise = rng.gamma(2.0, 40.0, size=N)
    predicted = true + rng.normal(size=true.shape) * noise[:, None, None]
    return evaluate_poses(
        H36M_17, predicted / 200.0, true_3d=true, flat_3d=true * [1, 1, 0], elevation=rng.normal(12, 4, N),
        true_elevation=rng.normal(12, 4, N), nll=noise + rng.normal(size=N), action=["walk", "<b>run</b>"] * (N // 2),
        knees_forward=np.ones((N, 2)),
    )  # fmt: skip


def read(path) -> Page:
    return Page(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def written(tmp_path_factory, evaluation, true):
    """Path of a report with all there is, and matplotlib's settings before it was written."""
    folder, before = tmp_path_factory.mktemp("written") / "new" / "report", dict(matplotlib.rcParams)
    path = write_report(
        folder, evaluation, H36M_17, title="A run", history=HISTORY, facts={"Hardware": "2 cores"},
        poses_2d=true[..., :2],
    )  # fmt: skip
    assert path == folder / "index.html"
    return path, before


def test_everything_is_written_and_embedded(written):
    path, _ = written
    assert {file.name for file in path.parent.iterdir()} == {f"{name}.png" for name in EVERY_PICTURE} | {"index.html"}
    page = read(path)
    embedded = [base64.b64decode(image["src"].removeprefix("data:image/png;base64,")) for image in page.images]
    on_disk = [(path.parent / f"{name}.png").read_bytes() for name in EVERY_PICTURE]
    assert sorted(embedded) == sorted(on_disk)
    assert all(data.startswith(PNG) for data in embedded)


def test_every_picture_has_a_description(written):
    page = read(written[0])
    alts = [image["alt"] for image in page.images]
    assert len(alts) == len(set(alts)) == len(EVERY_PICTURE)
    for words in ("Learning curves of prior", "Best pose", "Error of every joint", "elevation", "log-likelihood"):
        assert any(words in alt for alt in alts)


def test_the_gain_from_refusing_unlikely_poses_is_stated(written, evaluation):
    page, summary = read(written[0]), evaluation.summary()
    left = [f"{summary[f'pa_mpjpe_refused_{percent}_mm']:.1f}" for percent in (10, 20, 30)]
    figures = f"{left[0]}, {left[1]} and {left[2]} mm, with all {summary['pa_mpjpe_mm']:.1f} mm."
    assert f"Without the least likely 10 %, 20 % and 30 % of the poses PA-MPJPE is {figures}" in page.text


def test_the_page_is_self_contained(written):
    path, _ = written
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"(?:src|href)\s*=\s*[\"'](?!data:)|url\(|@import|https?://", text)
    assert not read(path).tags & {"script", "link", "iframe"}


def test_text_is_never_markup(tmp_path, evaluation):
    history = {"<i>lifter</i>": HISTORY["lifter"]}
    page = read(
        write_report(
            tmp_path, evaluation, H36M_17, title="<script>alert('x')</script> & co", history=history,
            facts={"<u>key</u>": "<s>value</s> \"quoted\""},
        )
    )  # fmt: skip
    assert not page.tags & {"script", "i", "u", "s"}
    for text in ("<script>alert('x')</script> & co", "<u>key</u>", "<s>value</s>", "<b>run</b>", "<i>lifter</i>"):
        assert text in page.text
    assert any("<i>lifter</i>" in image["alt"] for image in page.images)
    assert (tmp_path / "learning-i-lifter-i.png").exists()


def test_the_page_shows_the_figures_and_the_verdict(written, evaluation):
    page = read(written[0])
    summary = evaluation.summary()
    assert f"{summary['pa_mpjpe_mm']:.1f} mm" in page.text
    assert f"{summary['pck_150']:.1f}%" in page.text
    assert "Depth sign: right." in page.text
    assert "Hardware" in page.text and "2 cores" in page.text
    assert not re.search(r"\b(nan|inf|none)\b", page.text, re.IGNORECASE)


def test_a_mirrored_model_gets_that_verdict(tmp_path, true):
    centred = true - true[:, :1]
    page = read(
        write_report(
            tmp_path, evaluate_poses(H36M_17, centred * [1, 1, -1], true_3d=true), H36M_17, title="A mirrored run"
        )
    )
    assert "Depth sign: mirrored." in page.text


def test_missing_figures_are_explained(tmp_path, true):
    evaluation = evaluate_poses(H36M_17, true / 200.0)
    path = write_report(tmp_path, evaluation, H36M_17, title="Own video")
    assert {file.name for file in tmp_path.iterdir()} == {
        "pose-first.png", "pose-middle.png", "pose-last.png", "index.html"
    }  # fmt: skip
    text = read(path).text
    for words in (
        "No training history was given",
        "The 2D poses were not given",
        "True 3D poses are not known, so there are no errors to show",
        "The model predicts no elevation",
        "No likelihood was computed",
        "Depth sign: unknown.",
    ):
        assert words in text
    assert not re.search(r"\b(nan|inf|none)\b", text, re.IGNORECASE)


def test_elevation_without_truth_is_a_histogram(tmp_path, true):
    evaluation = evaluate_poses(H36M_17, true, elevation=np.arange(float(N)), nll=np.arange(float(N)))
    page = read(write_report(tmp_path, evaluation, H36M_17, title="Own video"))
    assert any("Histogram" in image["alt"] for image in page.images)
    assert "The true elevation is not known" in page.text
    assert (tmp_path / "pose-least-likely.png").exists()


@pytest.mark.parametrize("n", [1, 2, 4])
def test_a_handful_of_poses_is_enough(tmp_path, true, n):
    evaluation = evaluate_poses(
        H36M_17,
        true[:n] * 1.1,
        true_3d=true[:n],
        elevation=np.full(n, 3.0),
        true_elevation=np.full(n, 3.0),
        nll=np.zeros(n),
    )
    path = write_report(tmp_path, evaluation, H36M_17, title="Few", poses_2d=np.zeros((n, 17, 2)))
    assert len(list(tmp_path.glob("pose-*.png"))) == min(n, 3)
    assert "No bin of 5 mm holds 5 poses" in read(path).text


def test_joints_that_are_not_seen_are_not_drawn(true):
    seen = np.ones(17, bool)
    seen[list(H36M_17.indices(("l_wrist", "nose")))] = False
    image = np.where(seen[:, np.newaxis], 1000 + true[0, :, :2], np.nan)
    with figures.style():
        axis = pose_figures.pose_views(true[0], H36M_17, None, image).axes[0]
    bones = H36M_17.num_bones - 3  # l_elbow to l_wrist, thorax to nose, nose to head.
    assert len(axis.lines) == bones and axis.get_xlim()[0] > 0 and axis.get_ylim()[1] > 0
    assert np.isfinite(np.ma.filled(axis.collections[0].get_offsets(), np.nan)).all(axis=1).sum() == 15
    with figures.style():
        blind = pose_figures.pose_views(true[0], H36M_17, None, np.full((17, 2), np.nan)).axes[0]
        pose_figures.pose_gallery({"a": [pose_figures.Example("", image, true[0], true[0])]}, H36M_17)
    assert not blind.lines


def test_the_page_says_that_joints_are_not_seen(tmp_path, true):
    poses_2d = true[..., :2].copy()
    poses_2d[:, 3] = np.nan
    page = read(write_report(tmp_path, evaluate_poses(H36M_17, true), H36M_17, title="Own video", poses_2d=poses_2d))
    assert "Joints that are not seen in the 2D input are not drawn there" in page.text


def test_poses_without_an_action_have_no_empty_words(tmp_path, true):
    evaluation = evaluate_poses(H36M_17, true, action=[""] * N)
    assert "by_action" not in evaluation.summary() and "Action" not in evaluation.table()
    text = read(write_report(tmp_path, evaluation, H36M_17, title="Own video")).text
    assert "First (pose 0)" in text and "By action" not in text
    some = evaluate_poses(H36M_17, true, true_3d=true, action=["", "walk"] * (N // 2))
    assert set(some.summary()["by_action"]) == {"(none)", "walk"}


def test_a_run_without_numbers_is_reported(tmp_path, evaluation):
    history = {"lifter": [{"step": 1, "loss": 2.0}, {"step": 2, "loss": float("nan")}, {"loss": 4.0}]}
    page = read(write_report(tmp_path, evaluation, H36M_17, title="A run", history=history))
    assert "lifter: nothing was logged at two steps or more" in page.text


def test_inputs_that_do_not_fit_the_evaluation_are_refused(tmp_path, evaluation):
    with pytest.raises(ValueError, match="skeleton: expected the evaluation's, 'h36m_17'; got 'h36m_17_elepose'"):
        write_report(tmp_path, evaluation, H36M_17_ELEPOSE, title="A run")
    with pytest.raises(ValueError, match=rf"poses_2d: expected \[{N}, 17, 2\], not infinite; got shape \[{N}, 16, 2\]"):
        write_report(tmp_path, evaluation, H36M_17, title="A run", poses_2d=np.zeros((N, 16, 2)))
    assert not list(tmp_path.iterdir())


def test_training_and_validation_share_a_panel():
    with figures.style():
        (panel,) = learning_figures.learning_curves(HISTORY["prior"]).axes
    assert panel.get_title(loc="left") == "nll"
    assert {text.get_text() for text in panel.get_legend().get_texts()} == {"training", "validation"}


def test_values_that_are_not_numbers_have_no_panel():
    with figures.style():
        panels = [axis for axis in learning_figures.learning_curves(HISTORY["lifter"]).axes if axis.get_visible()]
    assert [axis.get_title(loc="left") for axis in panels] == ["loss", "PA-MPJPE, mm"]


def test_axes_carry_units(evaluation, true):
    drawn = [
        figures.joint_error_bars(evaluation.joint_errors_mm, H36M_17),
        figures.elevation_scatter(evaluation.elevation, evaluation.true_elevation),
        figures.elevation_histogram(evaluation.elevation),
        figures.likelihood_boxes(evaluation.nll, evaluation.pa_mpjpe_mm),
        figures.rejection_curve(evaluation.nll, evaluation.pa_mpjpe_mm),
        figures.correct_curves(evaluation.joint_errors_mm, evaluation.joint_errors_mm),
        pose_figures.pose_views(true[0], H36M_17, true[1], true[0, :, :2]),
    ]
    for figure in drawn:
        labels = " ".join(axis.get_xlabel() for axis in figure.axes)
        assert any(unit in labels for unit in ("mm", "degrees", "%")), labels


def test_likelihood_boxes_are_the_papers_bins():
    error = np.repeat([12.0, 20.0, 24.9, 25.0, 119.9, 120.0, 500.0], 5)
    figure = figures.likelihood_boxes(np.arange(35.0), error)
    counts = [bar.get_height() for bar in figure.axes[1].patches]
    assert len(counts) == 22  # One below 20, twenty of 5 mm, one from 120 on.
    assert {k: count for k, count in enumerate(counts) if count} == {0: 5, 1: 10, 2: 5, 20: 5, 21: 10}
    assert figures.likelihood_boxes(np.arange(4.0), np.full(4, 30.0)) is None


def test_best_median_and_worst():
    assert pose_figures.ranked(np.array([5.0, 1.0, 9.0, 3.0, 7.0])) == {"lowest": 1, "middle": 0, "highest": 2}
    assert pose_figures.ranked(np.array([4.0])) == {"lowest": 0}


def test_sides_of_the_body():
    assert [side_of(joint, H36M_17) for joint in ("l_knee", "r_wrist", "spine")] == ["left", "right", "trunk"]


def test_drawing_does_not_change_matplotlibs_settings(written):
    assert dict(matplotlib.rcParams) == written[1]


def test_canonical_poses_of_several_cameras_are_shown(written, evaluation, true, tmp_path):
    canonical = {"camera 0": true[0], "camera 2": true[1]}
    page = write_report(
        tmp_path, evaluation, H36M_17, title="t", canonical=canonical, hips_deviation_mm=12.34
    ).read_text()
    assert "The canonical pose" in Page(page).text and "lie 12.3 mm from their mean" in Page(page).text
    assert (tmp_path / "canonical.png").read_bytes()[:8] == PNG
    assert "The canonical pose" not in written[0].read_text()


def test_views_without_a_canonical_pose_are_left_out_of_the_figure(true):
    poses = np.stack([true[0], np.full_like(true[0], np.nan), true[1]])
    figure = pose_figures.canonical_views(poses, H36M_17, ["a", "b", "c"])
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["a", "c", "left side", "right side"]
    assert all(len(axis.lines) == 2 * H36M_17.num_bones for axis in figure.axes)
    with pytest.raises(ValueError, match="expected at least one view with a pose"):
        pose_figures.canonical_views(poses[1:2], H36M_17, ["b"])
