"""The Beam pipeline of a batch job: files, units, blocks, RunInference, parts, manifest."""

from __future__ import annotations

import pathlib
from collections.abc import Iterable, Iterator, Sequence
from typing import cast

import apache_beam as beam
from apache_beam.metrics.metric import Metrics
from apache_beam.ml.inference.base import PredictionResult, RunInference
from apache_beam.pvalue import TaggedOutput

from tf_elepose.batch import job, reading
from tf_elepose.batch.block import Block, Unit
from tf_elepose.batch.handler import LifterHandler, LiftSettings
from tf_elepose.batch.reading import ReadSettings
from tf_elepose.batch.results import LiftedBlock, PartFacts, found_part, write_part

COUNTERS = "tf_elepose"
"""Namespace of the counters: records, lifted, not_valid, not_read, parts_written, parts_found."""

_FOUND = "found"


def build(
    pipeline: beam.Pipeline, inputs: Sequence[str], folder: pathlib.Path, read: ReadSettings, lift: LiftSettings
) -> None:
    """Adds the job to `pipeline`. A step that the engine runs twice writes the same files again.

    Args:
      pipeline: of any runner; all its workers must find inputs and `folder` at the same paths.
      inputs: files.
      folder: claimed, see `job.claim`.
      read, lift: settings of reading and lifting.
    """
    units = (
        pipeline
        | "Inputs" >> beam.Create(list(enumerate(inputs)))
        | "Units" >> beam.FlatMapTuple(_units)
        | "Spread" >> beam.Reshuffle()
    )
    blocks = units | "Read" >> beam.ParDo(_Read(folder, read)).with_outputs(_FOUND, main="blocks")
    lifted = blocks["blocks"] | "Lift" >> RunInference(LifterHandler(lift))
    written = lifted | "Write" >> beam.ParDo(_Write(folder))
    facts = (written, blocks[_FOUND]) | "Parts" >> beam.Flatten()
    together = facts | "Together" >> beam.CombineGlobally(beam.combiners.ToListCombineFn())
    _ = together | "Manifest" >> beam.ParDo(_Finish(folder))


def _units(file: int, path: str) -> list[Unit]:
    return list(reading.units(file, path))


class _Read(beam.DoFn):
    """Yields the blocks of a unit that no earlier run has written, and the facts of the other blocks' parts."""

    def __init__(self, folder: pathlib.Path, settings: ReadSettings) -> None:
        self._folder, self._settings = folder, settings
        self._found = Metrics.counter(COUNTERS, "parts_found")

    def process(self, unit: Unit) -> Iterator[Block | TaggedOutput]:  # type: ignore[override]  # Beam's own name for it is `element`.
        for block in reading.blocks(unit, self._settings):
            facts = found_part(self._folder, block)
            if facts is None:
                yield block
            else:
                self._found.inc()
                yield TaggedOutput(_FOUND, facts)


class _Write(beam.DoFn):
    def __init__(self, folder: pathlib.Path) -> None:
        self._folder = folder

    def process(self, element: PredictionResult) -> Iterable[PartFacts]:
        facts = write_part(self._folder, cast("Block", element.example), cast("LiftedBlock", element.inference))
        counts = {
            "records": facts.rows + facts.lost, "lifted": facts.valid, "not_valid": facts.rows - facts.valid,
            "not_read": facts.lost, "parts_written": 1,
        }  # fmt: skip
        for name, count in counts.items():
            Metrics.counter(COUNTERS, name).inc(count)
        return [facts]


class _Finish(beam.DoFn):
    def __init__(self, folder: pathlib.Path) -> None:
        self._folder = folder

    def process(self, parts: list[PartFacts]) -> Iterable[str]:
        job.write_manifest(self._folder, parts)
        return [str(self._folder)]
