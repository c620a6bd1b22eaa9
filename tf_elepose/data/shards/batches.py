"""Training batches from shards: the poses of a step are a pure function of the seed and the step.

An epoch draws an order of the shards and cuts it into groups; the rows of a group, which fit into memory, are shuffled.
Every shard is a fair sample of the set, and so is a group. To start at any step, only one group has to be read.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import tensorflow as tf

from tf_elepose.data.shards.shards import Shards
from tf_elepose.normalization import Normalizer

GROUP_ROWS = 1 << 18
"""Rows in a group, unless one shard has more: 36 MB with 17 joints; two groups are in memory."""

_TOGETHER = 1 << 13  # Rows decoded and normalised at a time.

# The first number of the seeds of the three kinds of draws.
_ORDER, _ROWS, _FLIPS = range(3)


class ShardBatches:
    """Shuffled, flipped batches of normalised poses, streamed from the disk; used by a `Loop` as `Batches` are.

    Attributes:
      batch_size: poses in a global batch.
      resident: whether the set is kept on the device: always False.
    """

    resident = False

    def __init__(
        self,
        shards: Shards,
        normalizer: Normalizer,
        *,
        kind: str,
        batch_size: int,
        seed: int,
        flip: bool,
        min_confidence: float = 0.0,
        split: str = "train",
        group_rows: int = GROUP_ROWS,
    ) -> None:
        """Opens the shards that batches are drawn from.

        Args:
          shards: the set.
          normalizer: fitted on a sample of the set. Its rule must not be "clip", which needs whole clips.
          kind: "gt" or "detected", as in `Recording.view`.
          batch_size: poses in a global batch; even, because the deformation loss pairs neighbours.
          seed: of the order and the flips.
          flip: mirror each pose, left joints becoming right ones, with probability 1/2.
          min_confidence: joints whose confidence is not above this number are missing.
          split: the split whose rows are used.
          group_rows: see `GROUP_ROWS`.

        Raises:
          ValueError: `batch_size` is odd or larger than the data, or the set cannot give these poses or serve the rule.
        """
        rows = shards.manifest.rows(split)
        if batch_size < 2 or batch_size % 2:
            raise ValueError(f"batch_size must be even and at least 2; got {batch_size}")
        if batch_size > rows:
            raise ValueError(f"batch_size {batch_size} is larger than the data: {rows} poses")
        if normalizer.rule == "clip":
            raise ValueError(f"{shards.source}: normalisation rule 'clip' needs whole clips; use 'dataset' or 'pose'")
        if kind not in ("gt", "detected"):
            raise ValueError(f"{shards.source}: 2D poses are 'gt' or 'detected'; got {kind!r}")
        if kind == "detected" and "confidence" not in shards.manifest.fields:
            raise ValueError(f"{shards.source}: has no detected 2D poses; use 'gt'")
        self.batch_size = batch_size
        self._shards, self._split = shards, split
        self._normalizer = normalizer
        self._seed, self._flip = seed, flip
        self._mirror = list(shards.manifest.skeleton.mirror)
        separate = "poses_2d_detected" in shards.manifest.fields
        self._field = "poses_2d_detected" if separate and kind == "detected" else "poses_2d"
        # The fields that say whether a joint is seen, as in `Recording.view`.
        self._seen_by = ["visible"] * (self._field == "poses_2d") + ["confidence"] * (
            "confidence" in shards.manifest.fields and (self._field == "poses_2d_detected") == separate
        )
        self._least = {"visible": 0.0, "confidence": min_confidence}
        doubtful = min_confidence > 0 and "confidence" in self._seen_by
        self._complete = shards.manifest.missing.get(self._field, 0) == 0 and not doubtful
        self._sizes = np.array([shard.rows for shard in shards.manifest.splits[split]])
        self._per_group = max(1, group_rows // max(1, int(self._sizes.max())))
        self._rows = rows

    @property
    def steps_per_epoch(self) -> int:
        """Steps in which about every pose is used once; an epoch may end within a batch, no pose is dropped."""
        return max(1, round(self._rows / self.batch_size))

    def stream(self, first_step: int, replica_range: range, replicas: int) -> tf.data.Dataset:
        """Streams per-replica batches in the order of steps and, within a step, of `replica_range`.

        A batch is {"image": [local batch, J, 2]}, with "seen" [local batch, J] where joints are missing.
        """
        local, joints = self.batch_size // replicas, len(self._mirror)
        signature = {"image": tf.TensorSpec([local, joints, 2], tf.float32)}
        if not self._complete:
            signature["seen"] = tf.TensorSpec([local, joints], tf.bool)
        made = tf.data.Dataset.from_generator(
            lambda: self._batches(first_step, replica_range, local), output_signature=signature
        )
        return made.prefetch(8)

    def _batches(self, step: int, replica_range: range, local: int) -> Iterator[dict[str, np.ndarray]]:
        groups = _Groups(self)
        with contextlib.closing(groups):
            while True:
                coins = np.random.default_rng([self._seed, _FLIPS, step]).random(self.batch_size) < 0.5
                for replica in replica_range:
                    first = replica * local
                    batch = groups.rows(step * self.batch_size + first, local)
                    yield self._flipped(batch, coins[first : first + local]) if self._flip else batch
                step += 1

    def _flipped(self, batch: dict[str, np.ndarray], coins: np.ndarray) -> dict[str, np.ndarray]:
        turned = {"image": batch["image"][:, self._mirror] * np.array([-1, 1], np.float32)}
        if "seen" in batch:
            turned["seen"] = batch["seen"][:, self._mirror]
        return {
            name: np.where(coins.reshape(-1, *[1] * (values.ndim - 1)), turned[name], values)
            for name, values in batch.items()
        }

    def epoch_groups(self, epoch: int) -> list[np.ndarray]:
        """The numbers of the shards in each group of an epoch."""
        order = np.random.default_rng([self._seed, _ORDER, epoch]).permutation(len(self._sizes))
        return [order[first : first + self._per_group] for first in range(0, len(order), self._per_group)]

    def load(self, epoch: int, group: int) -> dict[str, np.ndarray]:
        """Loads a group: its normalised poses, "seen" where joints are missing, and the shuffled order of its "rows".

        Raises:
          ValueError: a shard is damaged.
        """
        numbers = self.epoch_groups(epoch)[group]
        size, joints = int(self._sizes[numbers].sum()), len(self._mirror)
        loaded: dict[str, np.ndarray] = {"image": np.empty((size, joints, 2), np.float32)}
        if not self._complete:
            loaded["seen"] = np.empty((size, joints), bool)
        names = self._shards.paths(self._split)
        done = 0
        try:
            for poses, *told in self._decoded([str(names[number]) for number in numbers]):
                seen = None if self._complete else self._seen(told)
                done += len(poses)
                if done > size:
                    break
                loaded["image"][done - len(poses) : done], _ = self._normalizer.apply(poses, None, seen)
                if seen is not None:
                    loaded["seen"][done - len(poses) : done] = seen
        except (tf.errors.OpError, ValueError) as error:  # A damaged record, or a pose of size 0.
            raise ValueError(f"{self._shards.source}: {' '.join(str(error).split())[:300]}") from error
        if done != size:
            files = ", ".join(names[number].name for number in numbers)
            raise ValueError(f"{self._shards.source}: expected {size} rows in {files}; got {done} or more")
        return loaded | {"rows": np.random.default_rng([self._seed, _ROWS, epoch, group]).permutation(size)}

    def _seen(self, told: list[np.ndarray]) -> np.ndarray:
        return np.logical_and.reduce(
            [values > self._least[name] for name, values in zip(self._seen_by, told, strict=True)]
        )

    def _decoded(self, paths: list[str]) -> Iterator[list[np.ndarray]]:
        """Yields poses [n, J, 2] px and the fields that say which joints are seen, each [n, J]."""
        manifest = self._shards.manifest

        def decode(records: tf.Tensor) -> list[tf.Tensor]:
            fields = []
            for name in (self._field, *self._seen_by):
                dtype, start = manifest.place_of(name)
                raw = tf.strings.substr(records, start, dtype.itemsize)
                flat = tf.io.decode_raw(raw, tf.uint8 if name == "visible" else tf.float32)
                fields.append(tf.reshape(flat, [-1, *dtype.shape]))
            return fields

        records = tf.data.TFRecordDataset(paths, buffer_size=1 << 20).batch(_TOGETHER)
        decoded = records.map(lambda rows: tuple(decode(rows)), num_parallel_calls=2, deterministic=True).prefetch(2)
        return ([np.asarray(values) for values in row] for row in decoded)


class _Groups:
    """Gives rows by their place in the endless sequence of epochs; places only increase. Reads the next group ahead."""

    def __init__(self, batches: ShardBatches) -> None:
        self._batches = batches
        self._held: dict[tuple[int, int], Future[dict[str, np.ndarray]]] = {}
        self._reader = ThreadPoolExecutor(1)

    def rows(self, place: int, count: int) -> dict[str, np.ndarray]:
        """`count` rows from `place` on."""
        parts: list[dict[str, np.ndarray]] = []
        while count:
            epoch, offset = divmod(place, self._batches._rows)
            groups = self._batches.epoch_groups(epoch)
            ends = np.cumsum([self._batches._sizes[group].sum() for group in groups])
            group = int(np.searchsorted(ends, offset, side="right"))
            taken = min(count, int(ends[group]) - offset)
            following = (epoch, group + 1) if group + 1 < len(groups) else (epoch + 1, 0)
            loaded = self._loaded((epoch, group), following)
            first = offset - (int(ends[group - 1]) if group else 0)
            rows = loaded["rows"][first : first + taken]
            parts.append({name: values[rows] for name, values in loaded.items() if name != "rows"})
            place, count = place + taken, count - taken
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def _loaded(self, group: tuple[int, int], following: tuple[int, int]) -> dict[str, np.ndarray]:
        for stale in set(self._held) - {group, following}:
            self._held.pop(stale).cancel()
        for wanted in (group, following):
            if wanted not in self._held:
                self._held[wanted] = self._reader.submit(self._batches.load, *wanted)
        return self._held[group].result()

    def close(self) -> None:
        self._reader.shutdown(wait=False, cancel_futures=True)
