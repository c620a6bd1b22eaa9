"""SOURCE, the text by which commands and configs name their data: `synthetic` or `FORMAT:PATH`."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tf_elepose.data.assembly import NO_POSE, assemble, recordings
from tf_elepose.data.checks.joint_order import tell_order
from tf_elepose.data.checks.streamed import PartsSeen
from tf_elepose.data.readers.recognition import advice_for
from tf_elepose.data.recording import Recording
from tf_elepose.data.rows import Rows
from tf_elepose.data.source_options import SourceOptions
from tf_elepose.skeleton.skeletons import Skeleton

SYNTHETIC = "synthetic"

READERS: dict[str, str] = {
    "views": "views.read_views",
    "h36m": "h36m.read_h36m",
    "h36m_fetch": "h36m_fetch.read_h36m_fetch",
    "mpi_inf_3dhp": "mpi_inf_3dhp.read_mpi_inf_3dhp",
    "3dpw": "pw3d.read_3dpw",
    "skipose": "skipose.read_skipose",
    "mpii": "mpii.read_mpii",
    "lsp": "lsp.read_lsp",
    "lspet": "lsp.read_lspet",
    "coco": "coco.read_coco",
    "openpose": "openpose.read_openpose",
    "alphapose": "alphapose.read_alphapose",
    "mmpose": "mmpose.read_mmpose",
    "mediapipe": "mediapipe.read_mediapipe",
    "yolo": "yolo.read_yolo",
    "openpifpaf": "openpifpaf.read_openpifpaf",
    "vitpose": "vitpose.read_vitpose",
    "tfjs": "tfjs.read_tfjs",
    "movenet": "movenet.read_movenet",
    "videopose3d": "videopose3d.read_videopose3d",
    "deeplabcut": "deeplabcut.read_deeplabcut",
    "sleap": "sleap.read_sleap",
    "csv": "tables.read_csv",
    "npz": "arrays.read_npz",
    "bvh": "bvh.read_bvh",
    "shards": "shards.read_shards",
}
"""{FORMAT: module and function in `data/readers`}. A reader takes the path, and its own options by keyword. A reader is
imported when it is used: some need libraries that not everybody has."""

_HOLDS = "it holds"  # A reader that says so has looked itself.

_MANY_ROWS = 20_000  # Of fewer some may be unusual, and the source as a whole as it should be.


def load_source(source: str, skeleton: Skeleton, /, **options: Any) -> Recording:
    """The recording that `source` names, its joints those of `skeleton`.

    Args:
      source: `synthetic`, or `FORMAT:PATH` with a format of `READERS`; a path starts at the current directory.
      skeleton: the joints wanted.
      **options: those of every source, see `SourceOptions`: people, min_joints, fps, flip_y, swap_sides,
        test_from, test_subjects, check, progress; all others are handed to the reader, or to `synthesize`.

    Raises:
      ValueError: an unknown format or option, what the reader found wrong, or, when strict, what looks wrong.
    """
    common, own = split_options(options)
    if source == SYNTHETIC:
        from tf_elepose.data.synthetic import synthesize  # It imports TensorFlow, which readers do not need.

        _require_known(own, synthesize, source)
        recording = synthesize(skeleton, **own)
    else:
        rows, where = open_source(source, **own)
        rows = tell_order(rows, where, common.check)
        try:
            recording = assemble(
                rows,
                skeleton,
                where,
                people=common.people,
                min_joints=common.min_joints,
                frame_rate=common.fps,
                progress=common.progress,
            )
        except ValueError as error:
            if NO_POSE not in str(error):
                raise
            format_name, _, path = source.partition(":")
            raise _advised(error, format_name, path) from None
    common.require_people(set(recording.subject.tolist()), recording.source)
    recording = common.corrected(recording)
    common.tell(common.findings(recording), recording.source)
    return recording


def stream_source(source: str, skeleton: Skeleton, /, **options: Any) -> Iterator[Recording]:
    """Yields the recording of `load_source` in parts, for sources larger than memory; always with all people.

    Findings are reported after the last part. If the first part is long, its findings are reported before it is given.
    """
    common, own = split_options(options)
    if common.people != "all":
        raise ValueError(f"source {source!r}: people: expected all for a source read in parts; got {common.people!r}")
    if source == SYNTHETIC:
        parts = iter([load_source(source, skeleton, check="off", **own)])
    else:
        rows, where = open_source(source, **own)
        rows = tell_order(rows, where, common.check)
        wanted = {"min_joints": common.min_joints, "frame_rate": common.fps}
        parts = recordings(rows, skeleton, where, progress=common.progress, **wanted)
    return _corrected_parts(parts, source, common)


def open_source(source: str, /, **options: Any) -> tuple[Iterator[Rows], str]:
    """Opens `FORMAT:PATH`; returns the rows that its reader yields, and the name of the data in messages."""
    format_name, colon, path = source.partition(":")
    if format_name not in READERS or not colon:
        known = ", ".join([SYNTHETIC, *(f"{name}:PATH" for name in READERS)])
        raise ValueError(f"unknown source {source!r}: expected one of {known}")
    if not path:
        raise ValueError(f"source {source!r}: expected a path after the colon")
    reader = get_reader(format_name)
    _require_known(options, reader, source)
    where = f"{format_name} {path}"
    return _with_advice(reader(path, **options), format_name, path), where


def _with_advice(rows: Iterator[Rows], format_name: str, path: str) -> Iterator[Rows]:
    """Yields `rows`; an error before the first of them also says which other format the path looks like."""
    try:
        first = next(rows, None)
    except ValueError as error:
        raise _advised(error, format_name, path) from None
    if first is not None:
        yield first
        yield from rows


def _advised(error: ValueError, format_name: str, path: str) -> ValueError:
    """`error`, with what the path looks like where that is another format."""
    message = str(error)
    if _HOLDS in message or (advice := advice_for(path, format_name, message)) is None:
        return error
    return ValueError(f"{message}; {advice}")


def get_reader(format_name: str) -> Callable[..., Iterator[Rows]]:
    """The reader of a format of `READERS`; ValueError where a library that it needs is missing."""
    module, function = READERS[format_name].split(".")
    try:
        return getattr(importlib.import_module(f"tf_elepose.data.readers.{module}"), function)
    except ImportError as error:
        raise ValueError(f"format {format_name!r} needs {error.name}, which is not installed") from error


def reader_options(reader: Callable[..., Any]) -> dict[str, Any]:
    """{option: default} of a reader, or of `synthesize`."""
    parameters = inspect.signature(reader).parameters.values()
    return {parameter.name: parameter.default for parameter in parameters if parameter.kind is parameter.KEYWORD_ONLY}


def common_options() -> dict[str, Any]:
    """{option: default} of every source."""
    return {field.name: field.default for field in dataclasses.fields(SourceOptions) if field.name != "progress"}


def split_options(options: Mapping[str, Any]) -> tuple[SourceOptions, dict[str, Any]]:
    """The options of every source, and the reader's own; ValueError if one of the options of every source is wrong."""
    names = {field.name for field in dataclasses.fields(SourceOptions)}
    common = {name: value for name, value in options.items() if name in names}
    return SourceOptions(**common), {name: value for name, value in options.items() if name not in names}


def _corrected_parts(parts: Iterator[Recording], source: str, options: SourceOptions) -> Iterator[Recording]:
    people: set[str] = set()
    seen, told = PartsSeen(), set[tuple[str, str]]()

    def look(at: Recording | PartsSeen, *leaving_out: str) -> None:
        new = [f for f in options.findings(at) if (f.test, f.about) not in told and f.test not in leaving_out]
        options.tell(new, where)
        told.update((finding.test, finding.about) for finding in new)

    where, only = source, None
    for number, part in enumerate(parts, start=1):
        people |= set(part.subject.tolist()) if options.test_subjects else set()
        part, where = options.corrected(part), part.source
        if options.check != "off":
            seen.add(part)
        if number == 1 and len(part) >= _MANY_ROWS:  # Early: nobody should wait for a read that ends in an error.
            look(part, "missing_joint")
        only = part if number == 1 else None
        yield part
    look(only or seen)
    options.require_people(people, where)


def _require_known(options: Mapping[str, Any], reader: Callable[..., Any], source: str) -> None:
    known = reader_options(reader)
    if unknown := sorted(set(options) - set(known)):
        every = ", ".join([*known, *common_options()])
        raise ValueError(f"source {source!r}: unknown option {', '.join(unknown)}; options are {every}")
