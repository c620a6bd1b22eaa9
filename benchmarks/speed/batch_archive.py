"""Archives for the benchmarks and tests of batch lifting: all formats, with some records damaged on purpose.

In every file, the number of a pose is its `frame`.
"""

from __future__ import annotations

import dataclasses
import json
import pathlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tf_elepose.data.recording import Recording
from tf_elepose.data.shards.manifest import ShardManifest
from tf_elepose.data.shards.shards import write_shards
from tf_elepose.data.shards.tfrecords import frame, read_records
from tf_elepose.skeleton.skeletons import Skeleton

_GROUPS = 4  # Row groups of a Parquet file.


@dataclasses.dataclass(frozen=True)
class Archive:
    """A written archive.

    Attributes:
      inputs: values for --input.
      damaged: {(file, row): part of the reason} of the records that cannot be lifted.
      damaged_frames: numbers of their poses.
    """

    inputs: tuple[str, ...]
    damaged: dict[tuple[str, int], str]
    damaged_frames: frozenset[int]


def recording(poses_2d: np.ndarray, skeleton: Skeleton, first: int = 0) -> Recording:
    """Poses [N, J, 2] px as a recording whose frames count from `first`."""
    n = len(poses_2d)
    text: dict[str, Any] = {name: np.full(n, "") for name in ("subject", "action", "clip")}
    return Recording(
        source="archive", skeleton=skeleton, poses_2d=poses_2d, camera=np.zeros(n, int),
        frame=first + np.arange(n), split=np.full(n, "train"), **text,
    )  # fmt: skip


def write_archive(
    folder: pathlib.Path,
    poses_2d: np.ndarray,
    skeleton: Skeleton,
    *,
    shards: int = 2,
    share: float = 0.0,
    seed: int = 0,
) -> Archive:
    """Writes a third of the poses each as shards, Parquet and JSON lines.

    Args:
      folder: a new one.
      poses_2d: [N, J, 2] px, all joints seen.
      skeleton: whose joints they have.
      shards: files of each format.
      share: share of the records that are damaged, without the cut-off end of the last shard and the last line.
      seed: decides which records are damaged.
    """
    rng = np.random.default_rng(seed)
    thirds = np.array_split(np.arange(len(poses_2d)), 3)
    damaged: dict[tuple[str, int], str] = {}
    frames: set[int] = set()
    folder.mkdir(parents=True)
    _write_shards(folder / "shards", poses_2d[thirds[0]], skeleton, shards, share, rng, damaged, frames)
    for number in range(shards):
        for suffix, rows, write in (("parquet", thirds[1], _write_parquet), ("jsonl", thirds[2], _write_lines)):
            mine = np.array_split(rows, shards)[number]
            bad = np.flatnonzero(rng.random(len(mine)) < share)
            path = folder / f"{number}.{suffix}"
            damaged |= {(str(path), row): reason for row, reason in write(path, poses_2d, mine, bad, skeleton).items()}
            frames |= set(mine[bad].tolist())
            if suffix == "jsonl" and share and number == shards - 1:
                path.write_bytes(path.read_bytes()[:-40])
                damaged[str(path), len(mine) - 1] = "not valid JSON"
                frames.add(int(mine[-1]))
    inputs = (str(folder / "shards"), str(folder / "*.parquet"), str(folder / "*.jsonl"))
    return Archive(inputs, damaged, frozenset(frames))


def _write_shards(
    folder: pathlib.Path,
    poses_2d: np.ndarray,
    skeleton: Skeleton,
    shards: int,
    share: float,
    rng: np.random.Generator,
    damaged: dict[tuple[str, int], str],
    frames: set[int],
) -> None:
    manifest = write_shards([recording(poses_2d, skeleton)], folder, shards=shards)
    if not share:
        return
    for number, shard in enumerate(manifest.splits["train"]):
        path = folder / shard.file
        with path.open("rb") as stream:
            records = [r for part, _ in read_records(stream, shard.file, manifest.longest) for r in part]
        known = manifest.unpack(records, shard.file)["frame"]
        bad = np.flatnonzero(rng.random(len(records)) < share)
        kinds = dict(zip(bad.tolist(), np.resize(np.arange(3), len(bad)).tolist(), strict=True))
        reasons = ("fewer than", "expected at least", "checksum does not match")
        data = bytearray()
        for row, record in enumerate(records):
            kind = kinds.get(row)
            if kind == 0:
                record = _without_numbers(manifest, record)
            elif kind == 1:
                record = record[: manifest.head.itemsize - 8]
            framed = bytearray(frame([record])[0])
            if kind == 2:
                framed[20] ^= 0xFF
            data += framed
            if kind is not None:
                damaged[str(path), row] = reasons[kind]
        frames |= set(known[bad].tolist())
        if number == len(manifest.splits["train"]) - 1:  # The last shard lacks its end.
            kept = max(1, int(0.97 * len(records)))
            del data[len(data) - sum(len(record) + 16 for record in records[kept:]) + 50 :]
            for row in range(kept, len(records)):
                damaged[str(path), row] = "cut short" if row == kept else "ends after"
            frames |= set(known[kept:].tolist())
        path.write_bytes(data)


def _without_numbers(manifest: ShardManifest, record: bytes) -> bytes:
    head = np.frombuffer(record[: manifest.head.itemsize], manifest.head).copy()
    head["poses_2d"] = np.nan
    return head.tobytes() + record[manifest.head.itemsize :]


def _write_parquet(
    path: pathlib.Path, poses_2d: np.ndarray, mine: np.ndarray, bad: np.ndarray, skeleton: Skeleton
) -> dict[int, str]:
    poses = [pose.reshape(-1).tolist() for pose in poses_2d[mine]]
    names = [skeleton.name] * len(mine)
    reasons: dict[int, str] = {}
    for count, row in enumerate(bad.tolist()):
        if count % 3 == 0:
            poses[row], reasons[row] = poses[row][:-3], f"expected [{skeleton.num_joints}, 2]"
        elif count % 3 == 1:
            poses[row], reasons[row] = [float("nan")] * len(poses[row]), "fewer than"
        else:
            names[row], reasons[row] = "martian_9", "unknown convention 'martian_9'"
    table = pa.table(
        {
            "poses_2d": pa.array(poses, pa.list_(pa.float32())),
            "convention": pa.array(names).dictionary_encode(),
            "id": [f"pose-{n}" for n in mine],
            "frame": pa.array(mine, pa.int32()),
        }
    )
    pq.write_table(table, path, row_group_size=-(-len(mine) // _GROUPS))
    return reasons


def _write_lines(
    path: pathlib.Path, poses_2d: np.ndarray, mine: np.ndarray, bad: np.ndarray, skeleton: Skeleton
) -> dict[int, str]:
    spoil: list[tuple[str, Callable[[dict], object]]] = [
        (f"expected [{skeleton.num_joints}, 2]", lambda values: values["poses_2d"].pop()),
        ("NaN is not JSON", lambda values: values["poses_2d"][3].__setitem__(0, float("nan"))),
        ("unknown convention", lambda values: values.update(convention="martian_9")),
    ]
    reasons: dict[int, str] = {}
    kinds = {row: spoil[count % len(spoil)] for count, row in enumerate(bad.tolist())}
    with path.open("w", encoding="utf-8") as stream:
        for row, (number, pose) in enumerate(zip(mine.tolist(), poses_2d[mine].tolist(), strict=True)):
            values = {"poses_2d": pose, "convention": skeleton.name, "id": f"pose-{number}", "frame": number}
            if row in kinds:
                reasons[row], change = kinds[row]
                change(values)
            stream.write(json.dumps(values) + "\n")
    return reasons


def read_letters(output: pathlib.Path) -> list[dict]:
    """The dead letters of a job, part after part."""
    paths = sorted((output / "dead_letters").glob("*.parquet"))
    return [letter for path in paths for letter in pq.read_table(path).to_pylist()]


def read_lifted(output: pathlib.Path) -> pa.Table:
    """The lifted poses of a job, part after part."""
    paths = sorted((output / "lifted").glob("*.parquet"))
    tables = [pq.read_table(path) for path in paths]
    return pa.concat_tables([table.replace_schema_metadata() for table in tables])  # Metadata differ from part to part.


def unaccounted(archive: Archive, output: pathlib.Path) -> list[str]:
    """Problems of a job's dead letters, which should be exactly the damaged records, with their reasons."""
    wrong, met = [], set()
    for letter in read_letters(output):
        if letter["row"] is None:
            wrong.append(f"{letter['source']}: {letter['reason']}")
            continue
        for row in range(letter["row"], letter["row"] + (letter["records"] or 1)):
            expected = archive.damaged.get((letter["source"], row))
            if expected is None or expected not in letter["reason"]:
                wrong.append(f"{letter['source']} {row}: expected {expected!r}; got {letter['reason']!r}")
            if (letter["source"], row) in met:
                wrong.append(f"{letter['source']} {row}: twice")
            met.add((letter["source"], row))
    return wrong + [f"{path} {row}: no dead letter" for path, row in sorted(set(archive.damaged) - met)]
