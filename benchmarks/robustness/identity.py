"""Changes of identity when people are linked over time: python -m benchmarks.robustness.identity --video=views:FILE

Two or three real tracks are put into one picture, with their order shuffled in every frame: a person on a treadmill
seen by several cameras (100 frames), and clips of motion capture at video rate (300 frames) with the errors of a
simulated detector. FILE is made by ../shared/tools/make_views.py --path=1.0 --distance=6000,9000 --cameras=2. Joints
and whole people are missing for up to half a second. In one half of the sequences, nobody crosses anybody; in the
other, people walk past each other, and in every second one of these somebody is hidden about each crossing. Subjects
S01 and S02 served to choose the constants; results are of all others. Writes benchmarks/results/identity.json.
"""

from __future__ import annotations

import dataclasses
import itertools
import pathlib
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from absl import flags

from benchmarks.studies import treadmill
from tf_elepose.cli import commands
from tf_elepose.cli.provenance import provenance
from tf_elepose.data.recording import Recording
from tf_elepose.data.sources import load_source
from tf_elepose.data.tracks.identity import Linker
from tf_elepose.data.tracks.people import ClipName, People
from tf_elepose.skeleton.skeletons import get_skeleton
from tf_elepose.storage import files

CHOSEN_ON = ("S01", "S02")
"""Subjects on whose clips the constants were chosen."""

SEQUENCES = 60
"""Sequences of each kind."""

_LONGEST_MISSING = 0.5  # Seconds.
# Probability per second that a joint, or a person, goes missing.
_JOINTS_MISSING, _PERSONS_MISSING = 0.2, 0.2
_CONFIDENT = 0.1  # Joints with a lower confidence are missing.


@dataclasses.dataclass(frozen=True)
class Track:
    """One person: poses [T, J, 2] px, seen [T, J], frames a second."""

    pixels: np.ndarray
    seen: np.ndarray
    rate: float


@dataclasses.dataclass(frozen=True)
class Picture:
    """Some people in one picture: rows in random order, the true person of each row, and when people cross."""

    people: People
    truth: np.ndarray
    crossings: list[tuple[int, int, float]]
    rate: float


def define_flags() -> None:
    flags.DEFINE_string("video", None, "Clips at video rate, a views file.", required=True)
    flags.DEFINE_string("treadmill", treadmill.SOURCE, "Recording of a person by four cameras.")
    flags.DEFINE_integer("sequences", SEQUENCES, "Sequences of each kind.", lower_bound=1)
    flags.DEFINE_integer("seed", 20, "Seed of the sequences.")
    flags.DEFINE_boolean("chosen_on", False, "Measure on the subjects on which the constants were chosen.")
    flags.DEFINE_string("results", None, "Folder for the JSON; without it, nothing is written.")


def main(argv: list[str]) -> int:
    del argv
    options = flags.FLAGS
    tracks = {
        "treadmill": _tracks(load_source(options.treadmill, get_skeleton("h36m_17"), check="off"), 100, 60.0, ()),
        "motion capture": _tracks(
            load_source(options.video, get_skeleton("h36m_17"), check="off"), 300, 30.0,
            CHOSEN_ON if options.chosen_on else (), leave_out=() if options.chosen_on else CHOSEN_ON,
        ),
    }  # fmt: skip
    rows = []
    for what, crossing in itertools.product(tracks, (False, True)):
        rng = np.random.default_rng(options.seed)
        sequences = [sequence(tracks[what], 2 + n % 2, crossing, n % 4 < 2, rng) for n in range(options.sequences)]
        rows.append({"tracks": what, "crossing": crossing, **measure(sequences)})
        print(rows[-1], flush=True)
    if options.results is not None:
        values = {"rows": rows, "chosen_on": options.chosen_on, **provenance()}
        files.write_json(pathlib.Path(options.results) / "identity.json", values)
    return 0


def measure(sequences: Sequence[Picture]) -> dict[str, Any]:
    """Counts changes of id and crossings after which a person has another id; measures rows per second."""
    changes, swapped, crossings, rows, seconds, people, numbers = 0, 0, 0, 0, 0.0, 0, 0
    for one in sequences:
        began = time.perf_counter()
        found, _ = Linker("benchmark", one.rate)(one.people)
        seconds += time.perf_counter() - began
        rows += len(found)
        people += len(np.unique(one.truth))
        numbers += len(np.unique(found))
        for person in np.unique(one.truth):
            mine = np.flatnonzero(one.truth == person)
            mine = mine[np.argsort(one.people.frame[mine])]
            changes += int((np.diff(found[mine]) != 0).sum())
        for a, b, at in one.crossings:
            crossings += 1
            swapped += int(any(_changed(one, found, person, at) for person in (a, b)))
    return {
        "sequences": len(sequences),
        "people": people,
        "numbers": numbers,
        "people_frames": rows,
        "changes": changes,
        "crossings": crossings,
        "crossings_changed": swapped,
        "people_frames_per_second": rows / seconds,
    }


def _changed(one: Picture, found: np.ndarray, person: int, at: float) -> bool:
    """Says whether a person's number one second after frame `at` differs from that one second before."""
    mine = np.flatnonzero(one.truth == person)
    frame = one.people.frame[mine]
    before, after = (np.argmin(np.abs(frame - (at + side * one.rate))) for side in (-1.0, 1.0))
    return bool(found[mine[before]] != found[mine[after]])


def sequence(tracks: Sequence[Track], people: int, crossing: bool, hidden: bool, rng: np.random.Generator) -> Picture:
    """Puts `people` of `tracks` into one picture; if `crossing`, they pass each other, the one behind `hidden`."""
    chosen = [tracks[i] for i in rng.choice(len(tracks), people, replace=False)]
    frames, rate = len(chosen[0].pixels), chosen[0].rate
    poses, seen, middles, absent = [], [], [], []
    x, crossings = 0.0, list[tuple[int, int, float]]()
    clock = np.arange(frames) / rate
    height = np.median([np.ptp(track.pixels[..., 1], axis=1).mean() for track in chosen])
    for place, track in enumerate(chosen):
        pixels = (
            (track.pixels - track.pixels[:, :1].mean(axis=0)) * height / np.ptp(track.pixels[..., 1], axis=1).mean()
        )
        pixels = pixels * rng.uniform(0.8, 1.25)
        if crossing:  # At 0.3 to 1.2 of their heights a second, which is 0.5 to 2 m, about the middle of the time.
            speed = (-1) ** place * rng.uniform(0.3, 1.2) * height
            start = rng.uniform(-0.15, 0.15) * clock[-1]
            pixels[..., 0] += (speed * (clock - clock.mean() - start))[:, np.newaxis]
            pixels[..., 1] += rng.uniform(-0.1, 0.1) * height
        else:
            x += 0.1 * height - pixels[..., 0].min()
            pixels[..., 0] += x
            x = pixels[..., 0].max()
        poses.append(pixels + np.array([3000.0, 1500.0]))
        seen.append(track.seen & ~_gaps(rng, track.seen.shape, _JOINTS_MISSING, rate))
        middles.append(pixels[..., 0].mean(axis=1))
        absent.append(_gaps(rng, (frames, 1), _PERSONS_MISSING, rate))
    for a, b in itertools.combinations(range(people), 2) if crossing else ():
        sign = np.sign(_smooth(middles[a] - middles[b], rate))
        turned = np.flatnonzero(np.diff(sign) != 0)
        for at in turned.tolist():
            crossings.append((a, b, at + 0.5))
            if hidden:
                length = int(rng.uniform(0.2, 1.0) * _LONGEST_MISSING * rate)
                first = max(at - int(rng.uniform(0.0, 1.0) * length), 0)
                absent[b][first : first + length] = True
    for known, missing in zip(seen, absent, strict=True):
        known &= ~_shortened(missing, rate)
    return _shuffled(poses, seen, crossings, rate, rng)


def _shuffled(
    poses: list[np.ndarray], seen: list[np.ndarray], crossings: list[tuple[int, int, float]], rate: float,
    rng: np.random.Generator,
) -> Picture:  # fmt: skip
    frames, people = len(poses[0]), len(poses)
    order = np.concatenate([frame * people + rng.permutation(people) for frame in range(frames)])
    pixels, known = np.stack(poses, axis=1), np.stack(seen, axis=1)
    pixels, known = pixels.reshape(-1, *pixels.shape[2:])[order], known.reshape(-1, known.shape[-1])[order]
    there = known.sum(axis=1) >= 3
    frame = np.repeat(np.arange(frames), people)[there]
    place = np.arange(len(frame)) - np.searchsorted(frame, frame)
    pixels = np.where(known[..., np.newaxis], pixels, 0.0)[there].astype(np.float32)
    zeros, mirror = np.zeros(len(frame), int), np.array(get_skeleton("h36m_17").mirror)
    rows = People(zeros, [ClipName("", "clip", 0)], mirror, frame, place, zeros.astype(bool), pixels, known[there])
    return Picture(rows, (order % people)[there], crossings, rate)


def _gaps(rng: np.random.Generator, shape: tuple[int, int], chance: float, rate: float) -> np.ndarray:
    """Mask [T, n] of what is missing: runs of up to half a second that begin at random."""
    missing = np.zeros(shape, bool)
    for at, column in np.argwhere(rng.random(shape) < chance / rate).tolist():
        missing[at : at + 1 + int(rng.uniform(0.0, _LONGEST_MISSING * rate)), column] = True
    return _shortened(missing, rate)


def _shortened(missing: np.ndarray, rate: float) -> np.ndarray:
    """Shortens gaps in `missing` [T, n] to half a second: random gaps may follow each other directly."""
    longest = int(_LONGEST_MISSING * rate)
    for column in missing.T:
        run = 0
        for at, value in enumerate(column.tolist()):
            run = run + 1 if value else 0
            if run > longest:
                column[at], run = False, 0
    return missing


def _smooth(values: np.ndarray, rate: float) -> np.ndarray:
    width = 2 * int(rate / 4) + 1
    padded = np.pad(values, width // 2, mode="edge")
    return np.convolve(padded, np.full(width, 1.0 / width), mode="valid")


def _tracks(
    recording: Recording, frames: int, rate: float, only: Sequence[str], leave_out: Sequence[str] = ()
) -> list[Track]:
    """The recording's tracks of at least `frames` frames, cut to this length."""
    view = recording.view("detected", _CONFIDENT)
    labels, found = recording.tracks, []
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        rows = rows[np.argsort(recording.frame[rows])]
        subject = str(recording.subject[rows[0]])
        if len(rows) >= frames and subject not in leave_out and (not only or subject in only):
            found.append(Track(view.pixels[rows[:frames]], view.seen[rows[:frames]], rate))
    return found


if __name__ == "__main__":
    commands.run(main, define_flags)
