"""SOURCE, the text by which commands and configs name their data: `synthetic` or `FORMAT:PATH`."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from typing import Any

from absl import logging

from tf_elepose.data import corrections
from tf_elepose.data.assembly import assemble, recordings
from tf_elepose.data.checks import sanity
from tf_elepose.data.checks.sanity import Finding
from tf_elepose.data.checks.streamed import PartsSeen
from tf_elepose.data.parsers.limits import listed
from tf_elepose.data.recording import Recording
from tf_elepose.data.rows import Rows
from tf_elepose.skeleton.skeletons import MIN_JOINTS, Skeleton

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
    "csv": "tables.read_csv",
    "npz": "tables.read_npz",
    "bvh": "bvh.read_bvh",
    "shards": "shards.read_shards",
}
"""{FORMAT: module and function in `data/readers`}; a reader takes the path, and its own options by keyword. They are
imported when they are used: some need libraries that not everybody has."""

Progress = Callable[[int, float | None], None]
"""Told how many rows have been read and, where it is known, the share of the source."""

CHECKS = ("warn", "strict", "off")

_MANY_ROWS = 20_000  # Of fewer some may be unusual, and the source as a whole as it should be.


def load_source(
    source: str,
    skeleton: Skeleton,
    /,
    *,
    people: str = "all",
    min_joints: int = MIN_JOINTS,
    flip_y: bool = False,
    swap_sides: str = "none",
    test_from: int = 0,
    test_subjects: str | Sequence[str] = (),
    check: str = "warn",
    progress: Progress | None = None,
    **options: Any,
) -> Recording:
    """The recording that `source` names, its joints those of `skeleton`.

    Args:
      source: `synthetic`, or `FORMAT:PATH` with a format of `READERS`; a path starts at the current directory.
      skeleton: the joints wanted.
      people, min_joints: see `assembly.assemble`.
      flip_y, swap_sides: see `corrections`.
      test_from: frames from this number on are the test split and all before them train, in every clip; 0 leaves the
        source's own split.
      test_subjects: all of these people is the test split and everybody else is the train split; () leaves the
        source's own split.
      check: what becomes of what looks wrong after the corrections (see `sanity`): "warn" logs it, "strict" makes it
        an error, "off" does not look.
      progress: see `Progress`.
      **options: handed to the reader, or to `synthesize`.

    Raises:
      ValueError: an unknown format or option, what the reader found wrong, or, when strict, what looks wrong.
    """
    _require_common(min_joints, flip_y, swap_sides, test_from, check, progress)
    left_out = _subjects(test_subjects, test_from)
    if source == SYNTHETIC:
        from tf_elepose.data.synthetic import synthesize  # It brings TensorFlow, which readers do without.

        _require_known(options, synthesize, source)
        recording = synthesize(skeleton, **options)
    else:
        rows, where = open_source(source, **options)
        recording = assemble(rows, skeleton, where, people=people, min_joints=min_joints, progress=progress)
    if left_out:
        _require_known_people(left_out, set(recording.subject.tolist()), recording.source)
    recording = _corrected(recording, flip_y, swap_sides, test_from, left_out)
    tell(what_looks_wrong(recording, flip_y, swap_sides, check), recording.source, check)
    return recording


def stream_source(
    source: str,
    skeleton: Skeleton,
    /,
    *,
    min_joints: int = MIN_JOINTS,
    flip_y: bool = False,
    swap_sides: str = "none",
    test_from: int = 0,
    test_subjects: str | Sequence[str] = (),
    check: str = "warn",
    progress: Progress | None = None,
    **options: Any,
) -> Iterator[Recording]:
    """As `load_source`, a part at a time, for sources larger than memory; of every image all people.

    What looks wrong is told when the last part has come, and of a long first part before it is given.
    """
    _require_common(min_joints, flip_y, swap_sides, test_from, check, progress)
    left_out = _subjects(test_subjects, test_from)
    if source == SYNTHETIC:
        parts = iter([load_source(source, skeleton, check="off", **options)])
    else:
        rows, where = open_source(source, **options)
        parts = recordings(rows, skeleton, where, min_joints=min_joints, progress=progress)
    return _corrected_parts(parts, source, flip_y, swap_sides, test_from, left_out, check)


def what_looks_wrong(seen: Recording | PartsSeen, flip_y: bool, swap_sides: str, check: str) -> list[Finding]:
    """The findings in what was read with these options; none where `check` is "off"."""
    if check == "off":
        return []
    found = []
    for finding in seen.findings() if isinstance(seen, PartsSeen) else sanity.findings(seen):
        option = {"flipped_y": f"flip_y={str(flip_y).lower()}", "swapped_sides": f"swap_sides={swap_sides}"}
        undo = option.get(finding.test, "")
        if undo and not undo.endswith(("=false", "=none")):  # The correction itself may be what is wrong.
            finding = dataclasses.replace(finding, remedy=f"leave out --option={undo}")
        found.append(finding)
    return found


def tell(found: Sequence[Finding], source: str, check: str) -> None:
    """Logs a warning for each of the findings; ValueError with all of them, when `check` is "strict".

    A joint that is never there is no mistake (LSP has no nose), so that is only said.
    """
    wrong = [finding for finding in found if finding.test != "missing_joint"]
    if wrong and check == "strict":
        raise ValueError(f"{source}: {'; '.join(map(str, wrong))}")
    for finding in found:
        logging.warning("%s: %s", source, finding)


def open_source(source: str, /, **options: Any) -> tuple[Iterator[Rows], str]:
    """What the reader of `FORMAT:PATH` yields, and what messages call the place."""
    format_name, colon, path = source.partition(":")
    if format_name not in READERS or not colon:
        known = ", ".join([SYNTHETIC, *(f"{name}:PATH" for name in READERS)])
        raise ValueError(f"unknown source {source!r}: expected one of {known}")
    if not path:
        raise ValueError(f"source {source!r}: expected a path after the colon")
    reader = get_reader(format_name)
    _require_known(options, reader, source)
    return reader(path, **options), f"{format_name} {path}"


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
    return {name: default for name, default in reader_options(load_source).items() if name != "progress"}


def _corrected(
    recording: Recording, flip_y: bool, swap_sides: str, test_from: int, left_out: Sequence[str]
) -> Recording:
    recording = corrections.swap_sides(corrections.flip_y(recording) if flip_y else recording, swap_sides)
    if left_out:
        return corrections.leave_out(recording, left_out)
    return corrections.split_at(recording, test_from) if test_from else recording


def _corrected_parts(
    parts: Iterator[Recording], source: str, flip_y: bool, swap_sides: str, test_from: int, left_out: Sequence[str],
    check: str,
) -> Iterator[Recording]:  # fmt: skip
    people: set[str] = set()
    seen, told = PartsSeen(), set[tuple[str, str]]()

    def look(at: Recording | PartsSeen, *leaving_out: str) -> None:
        found = what_looks_wrong(at, flip_y, swap_sides, check)
        new = [f for f in found if (f.test, f.about) not in told and f.test not in leaving_out]
        tell(new, where, check)
        told.update((finding.test, finding.about) for finding in new)

    where, only = source, None
    for number, part in enumerate(parts, start=1):
        people |= set(part.subject.tolist()) if left_out else set()
        part, where = _corrected(part, flip_y, swap_sides, test_from, left_out), part.source
        if check != "off":
            seen.add(part)
        if number == 1 and len(part) >= _MANY_ROWS:  # Early, so that nobody waits for what is spoilt anyway.
            look(part, "missing_joint")
        only = part if number == 1 else None
        yield part
    look(only or seen)
    _require_known_people(left_out, people, where)


def _require_common(min_joints: Any, flip_y: Any, swap_sides: Any, test_from: Any, check: Any, progress: Any) -> None:
    """Options may come from a command line: whatever they are, a mistake is one line, before anything is read."""
    if isinstance(min_joints, bool) or not isinstance(min_joints, int) or min_joints < 1:
        raise ValueError(f"min_joints: expected an integer from 1; got {min_joints!r}")
    if isinstance(test_from, bool) or not isinstance(test_from, int) or test_from < 0:
        raise ValueError(f"test_from: expected a frame from 0; got {test_from!r}")
    if not isinstance(flip_y, bool):
        raise ValueError(f"flip_y: expected true or false; got {flip_y!r}")
    for name, value, known in (("swap_sides", swap_sides, corrections.SIDES), ("check", check, CHECKS)):
        if value not in known:
            raise ValueError(f"{name}: expected one of {', '.join(known)}; got {value!r}")
    if progress is not None and not callable(progress):
        raise ValueError(f"progress: expected a function; got {progress!r}")


def _subjects(test_subjects: Any, test_from: int) -> tuple[str, ...]:
    names = (test_subjects,) if isinstance(test_subjects, str) else test_subjects
    if not isinstance(names, Sequence) or not all(isinstance(name, str) and name for name in names):
        raise ValueError(f"test_subjects: expected names of people, in quotes if they are numbers; got {names!r}")
    if names and test_from:
        raise ValueError(f"test_from={test_from} and test_subjects={listed(names)}: give one of them")
    return tuple(names)


def _require_known_people(wanted: Sequence[str], people: Set[str], source: str) -> None:
    if strangers := sorted(set(wanted) - people):
        raise ValueError(
            f"{source}: test_subjects: nobody is called {listed(strangers)}; there are {listed(sorted(people))}"
        )


def _require_known(options: Mapping[str, Any], reader: Callable[..., Any], source: str) -> None:
    known = reader_options(reader)
    if unknown := sorted(set(options) - set(known)):
        every = ", ".join([*known, *common_options()])
        raise ValueError(f"source {source!r}: unknown option {', '.join(unknown)}; options are {every}")
