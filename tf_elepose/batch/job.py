"""The output folder of a batch job: which job owns it, and when it is complete.

job.json        inputs and settings of the job; written first
lifted/         a Parquet file a part
dead_letters/   a Parquet file for every part with records that were not lifted
manifest.json   all parts and counts; written last: a folder without it is not complete
"""

from __future__ import annotations

import collections
import dataclasses
import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from tf_elepose.batch.results import DEAD_LETTERS, LIFTED, PartFacts
from tf_elepose.cli.provenance import provenance
from tf_elepose.storage import files

JOB, MANIFEST = "job.json", "manifest.json"
FORMAT, VERSION = "tf_elepose batch_lift", 1


def job_facts(inputs: Sequence[str], settings: Mapping[str, Any]) -> dict[str, Any]:
    """The facts that two runs of one job share: inputs (with sizes and times of change), model and settings.

    Args:
      inputs: paths; a missing file has no size.
      settings: plain values.
    """
    return {"format": FORMAT, "version": VERSION, "settings": dict(settings), "inputs": [_file(i) for i in inputs]}


def claim(folder: pathlib.Path, facts: Mapping[str, Any]) -> dict[str, Any] | None:
    """Makes `folder` the output of a job, or checks that it already is.

    Returns:
      the manifest of a job that was completed before, else None.

    Raises:
      ValueError: the folder belongs to another job, or holds something else.
    """
    if not (folder / JOB).exists():
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise ValueError(f"--output={folder}: expected a new or an empty folder; this holds something else")
        for name in (LIFTED, DEAD_LETTERS):
            (folder / name).mkdir(parents=True, exist_ok=True)
        files.write_json(folder / JOB, facts)
        return None
    held = files.read_json(folder / JOB)
    if not isinstance(held, dict) or held.get("format") != FORMAT:
        raise ValueError(f"--output={folder}: {JOB} is not that of a batch job")
    if (differing := _differing(held, facts)) is not None:
        raise ValueError(f"--output={folder}: belongs to another job: {differing}; give another --output")
    for name in (LIFTED, DEAD_LETTERS):
        files.remove_leftovers(folder / name)
    files.remove_leftovers(folder)
    return files.read_json(folder / MANIFEST) if (folder / MANIFEST).exists() else None


def write_manifest(folder: pathlib.Path, parts: Sequence[PartFacts]) -> dict[str, Any]:
    """Writes the manifest, with the facts of all parts; to be called when all parts are written.

    Raises:
      ValueError: a part was written twice, a part's file is missing, or there is a file that belongs to no part.
      OSError: the manifest cannot be written.
    """
    parts = sorted(parts, key=lambda part: part.name)
    names = [part.name for part in parts]
    if len(set(names)) < len(names):
        raise ValueError(f"{folder}: a part was written twice")
    for kind, expected in ((LIFTED, names), (DEAD_LETTERS, [part.name for part in parts if part.letters])):
        there = {path.stem for path in (folder / kind).glob("*.parquet")}
        if stray := sorted(there ^ set(expected)):
            problem = "belongs to no part of the job" if stray[0] in there else "is missing"
            raise ValueError(f"{folder / kind}: {stray[0]} {problem}")
    reasons: collections.Counter[str] = collections.Counter()
    for part in parts:
        reasons.update(part.reasons)
    rows, valid, lost = (sum(getattr(part, field) for part in parts) for field in ("rows", "valid", "lost"))
    values = {
        "format": FORMAT, "version": VERSION,
        "records": rows + lost, "lifted": valid, "not_valid": rows - valid, "not_read": lost,
        "dead_letters": sum(part.letters for part in parts), "reasons": dict(reasons.most_common()),
        "parts": [dataclasses.asdict(part) for part in parts], "job": files.read_json(folder / JOB), **provenance(),
    }  # fmt: skip
    files.write_json(folder / MANIFEST, values)
    return values


def _file(path: str) -> dict[str, Any]:
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return {"path": path, "bytes": None, "changed_ns": None}
    return {"path": path, "bytes": found.st_size, "changed_ns": found.st_mtime_ns}


def _differing(held: Mapping[str, Any], wanted: Mapping[str, Any]) -> str | None:
    if held.get("version") != wanted["version"]:
        return f"version {held.get('version')!r}"
    before, now = held.get("settings", {}), wanted["settings"]
    for name in sorted({*before, *now}):
        if before.get(name) != now.get(name):
            return f"{name} was {before.get(name)!r}, now {now.get(name)!r}"
    before, now = held.get("inputs", []), wanted["inputs"]
    if [entry["path"] for entry in before] != [entry["path"] for entry in now]:
        return f"other inputs ({len(before)} files before, {len(now)} now)"
    changed = [entry["path"] for entry, other in zip(now, before, strict=True) if entry != other]
    return f"{changed[0]} has changed since" if changed else None
