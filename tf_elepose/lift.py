"""Lift 2D keypoints to 3D poses: python -m tf_elepose.lift INPUT... --model=MODEL --output=FILE [--convention=NAME]

INPUT is a SOURCE, FORMAT:PATH, or with --convention the path of a .npz or .csv file. MODEL is the folder of an export,
a workdir, a model.npz, or the name of a model that comes with the package (--list_models). What FILE ends in says what
is written: .npz, .json, .csv, .trc or .bvh. TensorFlow is needed for a workdir or a model.npz only.
"""

from __future__ import annotations

import pathlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from absl import flags, logging

from tf_elepose import commands, source_flags
from tf_elepose.data import side_repair
from tf_elepose.progress import Progress

if TYPE_CHECKING:
    from tf_elepose.data.recording import Recording
    from tf_elepose.lifted import Lifted
    from tf_elepose.lifter import Lifter

UNUSUAL_PERCENTILE = 5.0
"""Poses below it are unlike nearly all that the model has learnt from; of the training's own it is this share."""

_MOSTLY = 0.5  # With such a share of unusual poses, the input is probably not what it is taken for.


def define_flags() -> None:
    flags.DEFINE_string("model", None, "Folder of an export, a workdir, a model.npz, or a name of --list_models.")
    flags.DEFINE_string("output", None, "File to write: .npz, .json, .csv, .trc or .bvh.")
    flags.DEFINE_string("convention", None, "Whose joints the keypoints are, for inputs that do not say it themselves.")
    flags.DEFINE_float("height", None, "Height of the person in mm: poses are then in mm, and about one unit without.")
    flags.DEFINE_enum("axes", "camera", ["camera", "level"], "Frame of the poses: the camera's, or y the vertical.")
    flags.DEFINE_float("fps", None, "Frames a second of the clips.")
    flags.DEFINE_string(
        "smooth", None, "Smooth over time: one_euro or butterworth, with options one_euro:min_cutoff=1,beta=2."
    )
    flags.DEFINE_string("render", None, "Picture to draw as well: .png, .gif, .mp4 or .html.")
    flags.DEFINE_string("render_track", None, "Person and clip to draw; the one with most poses, of .html all.")
    flags.DEFINE_float(
        "min_confidence", None, "Joints trusted no more than this are missing; the model's if not given."
    )
    flags.DEFINE_enum("poses_2d", "gt", ["gt", "detected"], "Of inputs with both: the best 2D poses, or detections.")
    flags.DEFINE_enum("sides", "keep", ["repair", "keep"], "Swap left and right back where a detector swapped them.")
    flags.DEFINE_string("split", None, "Only the rows of this split, train or test.")
    flags.DEFINE_boolean(
        "likelihood", True, "Say how likely every pose is; --nolikelihood is faster where the model has a file without."
    )
    flags.DEFINE_enum(
        "precision", None, ["float32", "float16", "int8_dynamic", "int8"],
        "Which file of an export; the most precise if not given.",
    )  # fmt: skip
    flags.DEFINE_integer("threads", 2, "Threads that run an exported model.", lower_bound=1)
    flags.DEFINE_boolean("list_models", False, "List the models that come with the package.")
    source_flags.define_flags()


def main(argv: list[str]) -> int:
    options = flags.FLAGS
    if options.list_models:
        print(models_text())
        return 0
    sources = [source_of(text, options.convention) for text in argv[1:]]
    if not sources:
        raise commands.UsageError("expected an INPUT: FORMAT:PATH, or a .npz or .csv file with --convention")
    if not options.model:
        raise commands.UsageError("--model=MODEL is missing; --list_models lists those that come with the package")
    named = {flag: getattr(options, flag) for flag in ("output", "render")}
    files = {flag: commands.writable(path, flag, sources) if path else None for flag, path in named.items()}
    if not any(files.values()):
        raise commands.UsageError("--output=FILE is missing: .npz, .json, .csv, .trc or .bvh")
    smoothing = None if options.smooth is None else parse_smoothing(options.smooth)
    _require_possible(files, smoothing, options.height, options.fps)
    readers = source_options(sources, options.convention, source_flags.stated())
    lifter = _opened(options.model, options.precision, options.likelihood, options.threads)
    recordings = [_read(source, lifter, readers[source], options.split) for source in sources]
    swapped = None
    if options.sides == "repair":
        recordings, swapped = _repaired(recordings, lifter, options)
    lifted = _lift(lifter, recordings, options)
    if smoothing is not None:
        from tf_elepose.smoothing import smooth

        method, settings = smoothing
        lifted = smooth(lifted, method, **settings)
    print(summary(lifted, recordings, options.height))
    if swapped is not None:
        print(side_repair.told(swapped, lifted.tracks()))
    if files["output"] is not None:
        from tf_elepose.outputs import registry

        written = registry.write(files["output"], lifted)
        more = f" and {len(written) - 1} more, one a track" if len(written) > 1 else ""
        print(f"written: {written[0]}{more}")
    if files["render"] is not None:
        from tf_elepose.render import render

        print(f"drawn: {render(files['render'], lifted, track=options.render_track)}")
    return 0


def source_of(text: str, convention: str | None) -> str:
    """The SOURCE that an INPUT means.

    Raises:
      ValueError: it does not say its format; nothing is guessed.
    """
    from tf_elepose.data.sources import READERS, SYNTHETIC

    if text == SYNTHETIC or text.partition(":")[0] in READERS:
        return text
    suffix = pathlib.Path(text).suffix.lower()
    if suffix in (".npz", ".csv") and (":" not in text or pathlib.Path(text).exists()):
        if convention is None:
            raise ValueError(
                f"input {text!r}: whose joints are these? Give --convention=NAME, or the format, {suffix[1:]}:{text} "
                f"(a file of tf_elepose.convert is views:{text})"
            )
        return f"{suffix[1:]}:{text}"
    raise ValueError(f"input {text!r}: expected its format in front, FORMAT:PATH with one of {', '.join(READERS)}")


def source_options(sources: Sequence[str], convention: str | None, stated: Mapping[str, Any]) -> dict[str, Any]:
    """{source: keywords of `load_source`}: what was stated, and the convention for formats that ask for one.

    Raises:
      ValueError: two conventions, or one and no input that could use it.
    """
    from tf_elepose.data.sources import SYNTHETIC, get_reader, reader_options

    by_source: dict[str, Any] = {source: dict(stated) for source in sources}
    if convention is None:
        return by_source
    if stated.get("convention", convention) != convention:
        raise ValueError(f"--convention={convention} and --option=convention={stated['convention']}: give one of them")
    asking = [
        source
        for source in by_source
        if source != SYNTHETIC and "convention" in reader_options(get_reader(source.partition(":")[0]))
    ]
    if not asking:
        raise ValueError(f"--convention={convention}: {', '.join(by_source)} says itself whose joints it holds")
    for source in asking:
        by_source[source]["convention"] = convention
    return by_source


def parse_smoothing(text: str) -> tuple[str, dict[str, float]]:
    """Method and options of "METHOD" or "METHOD:key=number,...".

    Raises:
      ValueError: an unknown method or option, or a value that is no number.
    """
    from tf_elepose.smoothing import FILTERS

    method, _, rest = text.partition(":")
    if method not in FILTERS:
        raise ValueError(f"--smooth={text}: expected {' or '.join(FILTERS)}; got {method!r}")
    settings: dict[str, float] = {}
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
    """The models that come with the package, one a line."""
    from tf_elepose.pretrained import pretrained_models

    lines = [f"{name}: {folder}" for name, folder in pretrained_models().items()]
    return "\n".join(lines or ["No models came with this installation; --model takes the folder of an export."])


def summary(lifted: Lifted, recordings: Sequence[Recording], height: float | None) -> str:
    """What came of the lifting, a fact a line."""
    n, valid = len(lifted), int(lifted.valid.sum())
    reasons = "; ".join(f"{count:,} {reason}" for reason, count in not_valid(lifted).items())
    lines = [f"lifted: {valid:,} of {n:,} poses" + (f"; not valid: {reasons}" if reasons else "")]
    dropped: dict[str, int] = {}
    for recording in recordings:
        for reason, count in recording.dropped.items():
            dropped[reason] = dropped.get(reason, 0) + count
    if dropped:
        lines.append("left out when read: " + "; ".join(f"{count:,} {reason}" for reason, count in dropped.items()))
    if lifted.percentile is not None and valid:
        usual = lifted.percentile[lifted.valid]
        share = 100.0 * (usual < UNUSUAL_PERCENTILE).mean()
        lines.append(
            f"likelihood: median percentile {np.median(usual):.0f} of the training's poses; "
            f"{share:.1f} % of the poses are below {UNUSUAL_PERCENTILE:g}, unlike nearly all of them"
        )
        if share > 100.0 * _MOSTLY:
            logging.warning(
                "%s: most poses are unlike what the model has learnt from: look whether joints (--convention) and axes "
                "(x right, y down) are right, and do not rely on the poses",
                lifted.source,
            )
    unit = "about one from root to head" if height is None else f"mm, of a body of {height:g} mm"
    axes = {"camera": "camera, x right, y down, z forward", "level": "level, x right, y down to the ground, z forward"}
    lines.append(f"poses_3d: unit: {unit}; axes: {axes[lifted.axes]}; joints: {lifted.skeleton.name}")
    return "\n".join([*lines, f"model: {lifted.model}"])


def not_valid(lifted: Lifted) -> dict[str, int]:
    """How many poses could not be lifted, by reason."""
    from tf_elepose.lifted import FEW_JOINTS, NO_EXTENT, few_joints

    few = int((few_joints(lifted) & ~lifted.valid).sum())
    reasons = {FEW_JOINTS: few, NO_EXTENT: int((~lifted.valid).sum()) - few}
    return {reason: count for reason, count in reasons.items() if count}


def _require_possible(
    files: Mapping[str, pathlib.Path | None], smoothing: Any, height: float | None, fps: float | None
) -> None:
    """Before anything is read: that what was asked for can be given."""
    if height is not None:
        from tf_elepose.body_size import require_height

        require_height(height)
    if fps is not None and not 0.0 < fps < float("inf"):
        raise ValueError(f"--fps={fps:g}: expected frames a second, above 0")
    if smoothing is not None and fps is None:
        raise ValueError("--smooth needs the frames a second: give --fps=RATE")
    if files["output"] is not None:
        from tf_elepose.outputs import registry

        registry.require_settings(files["output"], has_height=height is not None, has_frame_rate=fps is not None)
    if files["render"] is not None:
        from tf_elepose.render import require_suffix

        require_suffix(files["render"])


def _opened(model: str, precision: str | None, likelihood: bool, threads: int) -> Lifter:
    with commands.without_chatter():  # Of TensorFlow, where the model needs it, and of LiteRT.
        from tf_elepose.lifter import Lifter

        return Lifter(model, precision=precision, likelihood=likelihood, threads=threads)


def _read(source: str, lifter: Lifter, options: Mapping[str, Any], split: str | None) -> Recording:
    from tf_elepose.data.sources import load_source

    with Progress(None, "reading", unit="row") as progress:

        def show(rows: int, share: float | None) -> None:
            progress.update(rows, total_steps=max(round(rows / share), 1) if share else None)

        recording = load_source(source, lifter.skeleton, **({"progress": show} | dict(options)))
    return recording if split is None else recording.of_split(split)


def _repaired(recordings: list[Recording], lifter: Lifter, options: Any) -> tuple[list[Recording], np.ndarray]:
    """The recordings with sides repaired, and the mask of what was swapped, a row a pose."""
    trust = lifter.model.min_confidence if options.min_confidence is None else options.min_confidence
    repaired = [side_repair.repair_recording(recording, options.poses_2d, trust) for recording in recordings]
    return [recording for recording, _ in repaired], np.concatenate([swapped for _, swapped in repaired])


def _lift(lifter: Lifter, recordings: Sequence[Recording], options: Any) -> Lifted:
    from tf_elepose.lifted import concatenate

    parts: list[Lifted] = []
    with Progress(sum(map(len, recordings)), "lifting", unit="pose") as progress:
        for recording in recordings:
            done = sum(map(len, parts))
            parts.append(
                lifter.lift_recording(
                    recording,
                    poses_2d=options.poses_2d,
                    min_confidence=options.min_confidence,
                    height_mm=options.height,
                    axes=options.axes,
                    frame_rate=options.fps,
                    progress=lambda poses, done=done: progress.update(done + poses),
                )
            )
    return concatenate(parts)


if __name__ == "__main__":
    commands.run(main, define_flags, positional=True)
