"""The report of an evaluation: figures as PNG files and one self-contained HTML page."""

from __future__ import annotations

import io
import os
import pathlib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from tf_elepose.evaluation import metrics
from tf_elepose.evaluation.evaluation import Evaluation
from tf_elepose.evaluation.measures import REFUSED
from tf_elepose.report import figures, learning_figures, pose_figures
from tf_elepose.report.page import Picture, Section, render_page
from tf_elepose.skeleton.skeletons import Skeleton
from tf_elepose.storage.files import write_bytes, write_text


def write_report(
    folder: str | os.PathLike[str],
    evaluation: Evaluation,
    skeleton: Skeleton,
    *,
    title: str,
    history: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
    facts: Mapping[str, str] | None = None,
    poses_2d: np.ndarray | None = None,
    canonical: Mapping[str, np.ndarray] | None = None,
    hips_deviation_mm: float | None = None,
) -> pathlib.Path:
    """Writes index.html, with all figures in it, and the same figures beside it as PNG files.

    A figure without its input is left out, and the page says why.

    Args:
      folder: created when missing.
      evaluation: from `evaluate_poses`, with `skeleton`.
      skeleton: names the joints.
      title: heading of the page, plain text.
      history: {run: rows of its metrics.jsonl}, rows with "step" and named numbers, e.g. "prior" and "lifter".
      facts: how the figures were made (date, hardware, versions, config), plain text.
      poses_2d: [N, J, 2] px, the input of every pose; NaN for joints that are not seen, which are not drawn.
      canonical: {camera: [J, 3] mm}, the canonical poses of one moment, from a method that has them.
      hips_deviation_mm: standard deviation of the canonical hips between a moment's views, over all moments.

    Returns:
      The path of index.html.

    Raises:
      ValueError: skeleton or poses_2d do not fit the evaluation.
      OSError: a file cannot be written; names it.
    """
    if skeleton != evaluation.skeleton:
        raise ValueError(
            f"skeleton: expected the evaluation's, {evaluation.skeleton.name!r}; got {skeleton.name!r}, another one"
        )
    if poses_2d is not None:
        poses_2d = np.asarray(poses_2d, np.float64)
        expected = (len(evaluation), skeleton.num_joints, 2)
        if poses_2d.shape != expected or np.any(np.isinf(poses_2d)):
            raise ValueError(f"poses_2d: expected {list(expected)}, not infinite; got shape {list(poses_2d.shape)}")
    with figures.style():
        sections = [
            _learning(history or {}),
            _poses(evaluation, skeleton, poses_2d),
            _errors(evaluation, skeleton),
            _elevation(evaluation),
            _likelihood(evaluation),
            *([_canonical(canonical, skeleton, hips_deviation_mm)] if canonical else []),
        ]
    page = render_page(title, evaluation.summary(), sections, facts or {})
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for section in sections:
        for picture in section.pictures:
            write_bytes(folder / f"{picture.name}.png", picture.png)
    write_text(folder / "index.html", page)
    return folder / "index.html"


def _learning(history: Mapping[str, Sequence[Mapping[str, Any]]]) -> Section:
    pictures, missing = [], []
    taken: set[str] = set()
    for run, rows in history.items():
        figure = learning_figures.learning_curves(rows)
        if figure is None:
            missing.append(f"{run}: nothing was logged at two steps or more, so there is no learning curve.")
            continue
        name = _file_name(f"learning-{run}", taken)
        pictures.append(
            _picture(name, figure, f"Learning curves of {run}", f"Run “{run}”: numbers logged during training.")
        )
    if not history:
        missing.append("No training history was given, so there are no learning curves.")
    return Section("How it learned", "", tuple(pictures), tuple(missing))


def _poses(evaluation: Evaluation, skeleton: Skeleton, poses_2d: np.ndarray | None) -> Section:
    true, pose, unit = evaluation.true_mm, evaluation.scaled_mm, "mm"
    if pose is None:
        pose, unit = evaluation.predicted, "model units"
    pictures = []
    for name, label, row in _examples(evaluation):
        figure = pose_figures.pose_views(
            pose[row], skeleton, None if true is None else true[row], None if poses_2d is None else poses_2d[row], unit
        )
        pictures.append(_picture(f"pose-{name}", figure, f"{name.capitalize()} pose from three sides", label))
    missing = []
    if poses_2d is not None and np.isnan(poses_2d[[row for _, _, row in _examples(evaluation)]]).any():
        missing.append("Joints that are not seen in the 2D input are not drawn there; the model fills them in.")
    if poses_2d is None:
        missing.append("The 2D poses were not given, so the input is not drawn.")
    if true is None:
        missing.append("True 3D poses are not known, so only the predictions are drawn.")
    note = "Predictions in colour, left limbs blue, right limbs orange and dashed"
    note += ", over the true pose in grey. Only the size is fitted." if true is not None else "."
    return Section("What it sees", note, tuple(pictures), tuple(missing))


def _examples(evaluation: Evaluation) -> Iterator[tuple[str, str, int]]:
    """(name, caption, row) of the poses to draw: chosen by error, else by likelihood, else by the data's order."""
    if evaluation.n_mpjpe_mm is not None:
        order, names = evaluation.n_mpjpe_mm, {"lowest": "best", "middle": "median", "highest": "worst"}
    elif evaluation.nll is not None:
        order, names = evaluation.nll, {"lowest": "most-likely", "middle": "middling", "highest": "least-likely"}
    else:
        order = np.arange(len(evaluation), dtype=np.float64)
        names = {"lowest": "first", "middle": "middle", "highest": "last"}
    for rank, row in pose_figures.ranked(order).items():
        parts = [names[rank].replace("-", " ").capitalize()]
        if evaluation.n_mpjpe_mm is not None and evaluation.pa_mpjpe_mm is not None:
            parts.append(f"N-MPJPE {evaluation.n_mpjpe_mm[row]:.0f} mm, PA {evaluation.pa_mpjpe_mm[row]:.0f} mm")
        elif evaluation.nll is not None:
            parts.append(f"NLL {evaluation.nll[row]:.1f} nats")
        where = f"pose {row}"
        if evaluation.action is not None and evaluation.action[row]:
            where += f", {evaluation.action[row]}"
        yield names[rank], f"{': '.join(parts)} ({where})", row


def _errors(evaluation: Evaluation, skeleton: Skeleton) -> Section:
    title = "Where the errors are"
    if evaluation.joint_errors_mm is None or evaluation.aligned_mm is None or evaluation.true_mm is None:
        return Section(title, "", (), ("True 3D poses are not known, so there are no errors to show.",))
    aligned_errors = metrics.joint_errors(evaluation.aligned_mm, evaluation.true_mm)
    return Section(
        title,
        "",
        (
            _picture(
                "joint-errors",
                figures.joint_error_bars(evaluation.joint_errors_mm, skeleton),
                "Error of every joint in mm",
                "Mean error of every joint after fitting the size; nine errors in ten end before the tick.",
            ),
            _picture(
                "correct",
                figures.correct_curves(evaluation.joint_errors_mm, aligned_errors),
                "Share of right joints and of right whole poses against the threshold",
                "Joints, and poses with all joints, within a threshold. The area under the dashed curve is the CPS.",
            ),
        ),
        (),
    )


def _elevation(evaluation: Evaluation) -> Section:
    title = "The camera's elevation"
    predicted, true = evaluation.elevation, evaluation.true_elevation
    if predicted is None:
        return Section(title, "", (), ("The model predicts no elevation, so there is nothing to show.",))
    if true is None:
        picture = _picture(
            "elevation",
            figures.elevation_histogram(predicted),
            "Histogram of the predicted camera elevation in degrees",
            "Predicted elevation of the camera above the horizon.",
        )
        return Section(title, "", (picture,), ("The true elevation is not known, so it is not compared.",))
    picture = _picture(
        "elevation",
        figures.elevation_scatter(predicted, true),
        "Predicted against true camera elevation in degrees",
        "Every dot is a pose; on the dashed line prediction and truth agree.",
    )
    return Section(title, "", (picture,), ())


def _likelihood(evaluation: Evaluation) -> Section:
    title = "Does it know when it is wrong?"
    nll, error = evaluation.nll, evaluation.pa_mpjpe_mm
    if nll is None:
        return Section(title, "", (), ("No likelihood was computed, so it cannot be compared with the error.",))
    if error is None:
        return Section(
            title, "", (), ("True 3D poses are not known: the likelihood cannot be compared with the error.",)
        )
    boxes = figures.likelihood_boxes(nll, error)
    curve = _picture(
        "rejection",
        figures.rejection_curve(nll, error),
        "Mean error of the poses that are kept when unlikely ones are refused",
        "Mean error when only the most likely poses are kept. Below the dashed line, the likelihood helps.",
    )
    summary = evaluation.summary()
    without = [f"{summary[f'pa_mpjpe_refused_{percent}_mm']:.1f}" for percent in REFUSED]
    note = (
        f"Without the least likely {_listed([f'{p} %' for p in REFUSED])} of the poses PA-MPJPE is "
        f"{_listed(without)} mm, with all {summary['pa_mpjpe_mm']:.1f} mm."
    )
    if boxes is None:
        few = f"No bin of 5 mm holds {figures.MIN_POSES_A_BOX} poses, so likelihood and error are not drawn as boxes."
        return Section(title, note, (curve,), (few,))
    picture = _picture(
        "likelihood",
        boxes,
        "Box plot of the negative log-likelihood in bins of PA-MPJPE",
        f"Likelihood by error: boxes hold the middle half of a bin's poses; bins of fewer than "
        f"{figures.MIN_POSES_A_BOX} stay empty. The last bin holds all errors above.",
    )
    return Section(title, note, (picture, curve), ())


def _listed(words: Sequence[str]) -> str:
    return f"{', '.join(words[:-1])} and {words[-1]}"


def _canonical(poses: Mapping[str, np.ndarray], skeleton: Skeleton, hips_deviation_mm: float | None) -> Section:
    hips = ""
    if hips_deviation_mm is not None:
        hips = f" Over all moments the views' hips lie {hips_deviation_mm:.1f} mm from their mean (standard deviation)."
    picture = _picture(
        "canonical",
        pose_figures.canonical_views(np.stack(list(poses.values())), skeleton, list(poses)),
        "Canonical poses of one moment, as each camera's view gave them, over one another",
        "One moment seen by several cameras, in the coordinate system that training found: where the views agree, the "
        f"poses cover each other.{hips}",
    )
    return Section("The canonical pose", "", (picture,), ())


def _picture(name: str, figure: Figure, alt: str, caption: str) -> Picture:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", facecolor="white")
    return Picture(name=name, png=buffer.getvalue(), alt=alt, caption=caption)


def _file_name(text: str, taken: set[str]) -> str:
    """A file name of plain characters from `text`, different from all `taken` names, and then added to them."""
    plain = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    name, number = plain, 2
    while name in taken:
        name, number = f"{plain}-{number}", number + 1
    taken.add(name)
    return name
