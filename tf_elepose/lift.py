"""Lift 2D keypoints to 3D poses: python -m tf_elepose.lift INPUT... --model=MODEL --output=FILE [--convention=NAME]

INPUT is a SOURCE, FORMAT:PATH, or with --convention the path of a .npz or .csv file. MODEL is the folder of an export,
a workdir, a model.npz, or the name of a model that comes with the package (--list_models). What FILE ends in says what
is written: see --output. TensorFlow is needed for a workdir or a model.npz only.
"""

from __future__ import annotations

import contextlib
import functools
import pathlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from absl import flags

from tf_elepose.cli import commands, source_flags
from tf_elepose.cli.progress import Progress
from tf_elepose.data.tracks import side_repair
from tf_elepose.inference.summary import LiftSummary, warn_of_places
from tf_elepose.outputs import registry

if TYPE_CHECKING:
    from tf_elepose.data.keypoints import Keypoints
    from tf_elepose.data.recording import Recording
    from tf_elepose.inference.lifter import Lifter
    from tf_elepose.motion.lifted import Lifted


def define_flags() -> None:
    flags.DEFINE_string("model", None, "Folder of an export, a workdir, a model.npz, or a name of --list_models.")
    flags.DEFINE_string("output", None, f"File to write: {registry.suffixes()}.")
    flags.DEFINE_string(
        "convention", None, "Convention of the keypoints, such as coco_17, for inputs that do not name one."
    )
    flags.DEFINE_float(
        "height",
        None,
        "Height of the person in mm; poses are then in mm. Without it they have a length of about one unit.",
    )
    flags.DEFINE_enum(
        "axes",
        "camera",
        ["camera", "level"],
        "Frame of the poses: that of the camera, or level, in which y is the vertical.",
    )
    flags.DEFINE_float("fps", None, "Frames a second of the clips.")
    flags.DEFINE_string(
        "smooth", None, "Smooth over time: one_euro or butterworth, with options as in one_euro:min_cutoff=1,beta=2."
    )
    flags.DEFINE_string("render", None, "Picture to draw, too: .png, .gif, .mp4 or .html.")
    flags.DEFINE_string(
        "render_track",
        None,
        "Person and clip to draw; if not given, the track with most poses, or all tracks in .html.",
    )
    flags.DEFINE_float(
        "min_confidence", None, "Joints with no higher confidence count as missing; the model's threshold if not given."
    )
    flags.DEFINE_enum(
        "poses_2d",
        "gt",
        ["gt", "detected"],
        "2D poses to lift where an input has both: the best ones (gt) or detections.",
    )
    flags.DEFINE_enum("sides", "keep", ["repair", "keep"], "Swap left and right back where a detector swapped them.")
    flags.DEFINE_string("split", None, "Split to lift, train or test; both if not given.")
    flags.DEFINE_boolean(
        "likelihood",
        True,
        "Compute the percentile that tells how likely each pose is; --nolikelihood is faster with models that have a "
        "file for it.",
    )
    flags.DEFINE_enum(
        "precision", None, ["float32", "float16", "int8_dynamic", "int8"],
        "Precision of the file of an export; the most precise one if not given.",
    )  # fmt: skip
    flags.DEFINE_integer("threads", 2, "Number of threads that run an exported model.", lower_bound=1)
    flags.DEFINE_boolean("list_models", False, "List the models that come with the package.")
    source_flags.define_flags()


def main(argv: list[str]) -> int:
    options = flags.FLAGS
    if options.list_models:
        print(models_text())
        return 0
    from tf_elepose.inference.inputs import source_of, source_options

    sources = [source_of(text, options.convention) for text in argv[1:]]
    if not sources:
        raise commands.UsageError("expected an INPUT: FORMAT:PATH, or a .npz or .csv file with --convention")
    if not options.model:
        raise commands.UsageError("--model=MODEL is missing; --list_models lists those that come with the package")
    named = {flag: getattr(options, flag) for flag in ("output", "render")}
    files = {flag: commands.writable(path, flag, sources) if path else None for flag, path in named.items()}
    if not any(files.values()):
        raise commands.UsageError(f"--output=FILE is missing: {registry.suffixes()}")
    smoothing = None if options.smooth is None else parse_smoothing(options.smooth)
    _require_possible(files, smoothing, options.height, options.fps)
    stated = source_flags.options_from_flags()
    if options.fps is not None:
        stated.setdefault("fps", options.fps)  # The reader needs it, too, to link people over time.
    readers = source_options(sources, options.convention, stated)
    lifter = _opened(options.model, options.precision, options.likelihood, options.threads)
    summary = LiftSummary()
    output = files["output"]
    if output is not None and _pose_by_pose(output, sources, readers, lifter, options):
        _write_while_lifting(output, lifter, sources[0], readers[sources[0]], summary, options)
    else:
        recordings = [_read(source, lifter, readers[source], options.split) for source in sources]
        _write_when_lifted(files, lifter, recordings, summary, smoothing, options)
    return 0


def _pose_by_pose(
    output: pathlib.Path, sources: Sequence[str], readers: Mapping[str, Any], lifter: Lifter, options: Any
) -> bool:
    """Whether all wanted results can be computed from one pose at a time."""
    return (
        len(sources) == 1
        and registry.suffix_of(output) not in registry.ONE_TRACK
        and not options.render
        and options.smooth is None
        and options.sides == "keep"
        and options.axes == "camera"
        and not lifter.model.needs_groups
        and readers[sources[0]].get("people", "all") == "all"
    )


def _write_while_lifting(
    file: pathlib.Path, lifter: Lifter, source: str, stated: Mapping[str, Any], summary: LiftSummary, options: Any
) -> None:
    from tf_elepose.inference.streaming import lifted_parts, read_parts
    from tf_elepose.storage import files

    files.remove_leftovers(file.resolve().parent)  # A killed lifting leaves its temporary file.
    readers = {name: value for name, value in stated.items() if name != "people"}
    total: int | None = None  # Number of poses, as far as it is known.

    def reading(rows: int, share: float | None) -> None:
        nonlocal total
        total = max(round(rows / share), 1) if share else None

    kind = {"poses_2d": options.poses_2d, "min_confidence": options.min_confidence}
    lift = functools.partial(lifter.lift_recording, **kind, **_wanted(options))
    with Progress(None, "lifting", unit="pose") as progress:
        recordings = read_parts(source, lifter.skeleton, {"progress": reading} | readers, options.split)
        parts = lifted_parts(lift, recordings, summary, lambda poses: progress.update(poses, total_steps=total))
        with contextlib.closing(parts):
            registry.write_parts(file, parts)
        progress.update(summary.poses, total_steps=summary.poses)
    print(summary.text(options.height))
    print(f"written: {file}")


def _write_when_lifted(
    files: Mapping[str, pathlib.Path | None],
    lifter: Lifter,
    recordings: list[Recording],
    summary: LiftSummary,
    smoothing: tuple[str, dict[str, Any]] | None,
    options: Any,
) -> None:
    asked = {"--smooth": smoothing is not None, "--sides=repair": options.sides == "repair"}
    asked["--axes=level"] = options.axes == "level"
    if files["output"] is not None and (suffix := registry.suffix_of(files["output"])) in registry.ONE_TRACK:
        asked[suffix] = True
    warn_of_places(recordings, [name for name, wanted in asked.items() if wanted])
    swapped = opposed = None
    threshold = lifter.threshold(options.min_confidence)
    views = [recording.view(options.poses_2d, threshold) for recording in recordings]
    if options.sides == "repair":
        views, swapped, opposed = _repaired(views, recordings)
    lifted = _lift(lifter, views, recordings, options)
    if smoothing is not None:
        from tf_elepose.motion.smoothing import smooth

        method, settings = smoothing
        lifted = smooth(lifted, method, **settings)
    summary.add(lifted, *recordings)
    print(summary.text(options.height))
    if swapped is not None and opposed is not None:
        print(side_repair.repair_summary(swapped, lifted.tracks(), opposed))
    if files["output"] is not None:
        written = registry.write(files["output"], lifted)
        more = f" and {len(written) - 1} more, one for each track" if len(written) > 1 else ""
        print(f"written: {written[0]}{more}")
    if files["render"] is not None:
        from tf_elepose.render import render

        print(f"drawn: {render(files['render'], lifted, track=options.render_track)}")


def parse_smoothing(text: str) -> tuple[str, dict[str, Any]]:
    """Method and options of "METHOD" or "METHOD:key=number,...".

    Raises:
      ValueError: an unknown method or option, or a value that is no number.
    """
    from tf_elepose.motion.smoothing import FILTERS

    method, _, rest = text.partition(":")
    if method not in FILTERS:
        raise ValueError(f"--smooth={text}: expected {' or '.join(FILTERS)}; got {method!r}")
    settings: dict[str, Any] = {}
    for part in filter(None, rest.split(",")):
        name, _, value = part.partition("=")
        try:
            settings[name] = int(value) if name == "max_gap" else float(value)
        except ValueError:
            raise ValueError(f"--smooth={text}: expected {method}:key=number,...; got {part!r}") from None
        if name not in {*FILTERS[method], "max_gap"}:
            raise ValueError(f"--smooth={text}: {method} has no {name}; its options are {', '.join(FILTERS[method])}")
    return method, settings


def models_text() -> str:
    """Lists the models that come with the package, one in each line."""
    from tf_elepose.pretrained import pretrained_models

    lines = [f"{name}: {folder}" for name, folder in pretrained_models().items()]
    return "\n".join(lines or ["No models came with this installation; --model takes the folder of an export."])


def _require_possible(
    files: Mapping[str, pathlib.Path | None], smoothing: Any, height: float | None, fps: float | None
) -> None:
    """Raises a ValueError, before anything is read, for flags that cannot be fulfilled."""
    if height is not None:
        from tf_elepose.motion.body_size import require_height

        require_height(height)
    if fps is not None and not 0.0 < fps < float("inf"):
        raise ValueError(f"--fps={fps:g}: expected frames a second, above 0")
    if smoothing is not None and fps is None:
        raise ValueError("--smooth needs the frames a second: give --fps=RATE")
    if files["output"] is not None:
        registry.require_settings(files["output"], has_height=height is not None, has_frame_rate=fps is not None)
    if files["render"] is not None:
        from tf_elepose.render import require_suffix

        require_suffix(files["render"])


def _opened(model: str, precision: str | None, likelihood: bool, threads: int) -> Lifter:
    with commands.without_startup_messages():  # TensorFlow's, where the model needs it, and LiteRT's.
        from tf_elepose.inference.lifter import Lifter

        return Lifter(model, precision=precision, likelihood=likelihood, threads=threads)


def _read(source: str, lifter: Lifter, options: Mapping[str, Any], split: str | None) -> Recording:
    from tf_elepose.data.sources import load_source

    with Progress(None, "reading", unit="row") as progress:

        def show(rows: int, share: float | None) -> None:
            progress.update(rows, total_steps=max(round(rows / share), 1) if share else None)

        recording = load_source(source, lifter.skeleton, **({"progress": show} | dict(options)))
    return recording if split is None else recording.of_split(split)


def _repaired(views: list[Keypoints], recordings: list[Recording]) -> tuple[list[Keypoints], np.ndarray, np.ndarray]:
    """Repairs the sides of the recordings' 2D poses; also returns two masks with a row for each pose: of the limbs that
    were swapped, and of the poses whose arms and legs disagree afterwards."""
    repaired = [
        side_repair.repair_sides(view, recording.tracks, recording.frame, recording.skeleton)
        for view, recording in zip(views, recordings, strict=True)
    ]
    opposed = [
        side_repair.disagreeing(view, recording.skeleton)
        for (view, _), recording in zip(repaired, recordings, strict=True)
    ]
    views = [view for view, _ in repaired]
    return views, np.concatenate([swapped for _, swapped in repaired]), np.concatenate(opposed)


def _lift(lifter: Lifter, views: list[Keypoints], recordings: list[Recording], options: Any) -> Lifted:
    from tf_elepose.motion.lifted import concatenate

    parts: list[Lifted] = []
    with Progress(sum(map(len, views)), "lifting", unit="pose") as progress:
        for view, recording in zip(views, recordings, strict=True):
            done = sum(map(len, parts))
            parts.append(
                lifter.lift_keypoints(
                    view,
                    recording,
                    axes=options.axes,
                    progress=lambda poses, done=done: progress.update(done + poses),
                    **_wanted(options),
                )
            )
    return concatenate(parts)


def _wanted(options: Any) -> dict[str, Any]:
    """The keywords of `Lifter` that apply to each pose by itself."""
    return {"height_mm": options.height, "frame_rate": options.fps}


if __name__ == "__main__":
    commands.run(main, define_flags, positional=True)
