"""Compares exported files with their method: the same keypoints have to give the same poses."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Callable, Iterable, Mapping

import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from export import examples
from export.onnx import open_onnx
from export.signature import LARGEST_HEAD_MM, Signed
from tf_elepose.data.visibility import LARGEST_PX, root_centred, seen

BATCHES = (1, 7, 256)

Run = Callable[[Mapping[str, np.ndarray]], Mapping[str, np.ndarray]]
"""A file's signature: named inputs [B, ...] to named outputs [B, ...]."""

POSES = ("complete", "hidden")
"""Poses whose joints are all seen, and poses that the completer fills in."""

BOUNDS = {
    "float32": {"poses_3d": 1e-4, "canonical_3d": 1e-4, "camera_rotation": 1e-4, "elevation_deg": 1e-2, "nll": 1e-4},
    "float16": {"poses_3d": 1e-3, "canonical_3d": 1e-3, "camera_rotation": 2e-3, "elevation_deg": 0.1, "nll": 1e-2},
    "int8_dynamic": {
        "poses_3d": 0.02, "canonical_3d": 0.02, "camera_rotation": 0.04, "elevation_deg": 1.0, "nll": 0.05
    },
    "int8": {"poses_3d": 0.05, "canonical_3d": 0.05, "camera_rotation": 0.1, "elevation_deg": 2.5, "nll": 0.2},
}  # fmt: skip
"""Largest differences for complete poses: in float32 of any number, in other precisions of the mean, because rounding a
matrix to eight bits moves every joint a little. Units: unit scale (about one from root to head), degrees, a share of
1 + |nats|."""

HIDDEN_SLACK = {
    "poses_3d": 2e-3, "canonical_3d": 2e-3, "camera_rotation": 4e-3, "elevation_deg": 0.2, "nll": 2e-3
}  # fmt: skip
"""Added to the bounds for poses with hidden joints, whose mean counts: the completer solves a system that is badly
conditioned for rare poses, for which the last bit of a pixel can move a hidden joint by thousandths."""


@dataclasses.dataclass(frozen=True)
class Difference:
    """The difference between an output of a file and the method's.

    Attributes:
      file, output, batch: the output; batch is None for a file that takes one pose.
      poses: one of `POSES`.
      mean, largest: differences of the valid poses.
      statistic, bound: "max" or "mean", and its bound.
      problem: any other error, or "".
    """

    file: str
    output: str
    batch: int | None
    poses: str
    mean: float
    largest: float
    statistic: str
    bound: float
    problem: str = ""

    @property
    def within(self) -> bool:
        return not self.problem and (self.largest if self.statistic == "max" else self.mean) <= self.bound


def verify(
    signed: Signed, files: Mapping[str, pathlib.Path], folder: pathlib.Path, *, seed: int = 0
) -> list[Difference]:
    """Differences of every file on complete poses, hidden joints and hostile inputs, at every batch of `BATCHES`.

    Args:
      signed: the exported model.
      files: by name: a SavedModel's folder, a .tflite or a .onnx file.
      folder: names in the result are relative to it.
      seed: the poses' seed.

    Raises:
      ValueError: a bound is missed; the message has the first one and the number of others.
    """
    inputs = examples.hostile(signed, max(BATCHES), seed)
    truth = {name: expected(signed, name, inputs) for name in signed.functions}
    complete = np.all(_joints(signed, inputs)[1], axis=-1)
    found = [
        difference
        for path in files.values()
        for signature, precision, batches, run in _runs(path, list(signed.functions))
        for batch in batches
        for difference in _measure(
            f"{path.relative_to(folder)} {signature}" if path.is_dir() else str(path.relative_to(folder)),
            run,
            {spec.name: inputs[spec.name] for spec in signed.specs(signature)},
            truth[signature],
            complete,
            precision,
            batch,
        )
    ]
    if missed := [difference for difference in found if not difference.within]:
        first = missed[0]
        value = first.largest if first.statistic == "max" else first.mean
        problem = first.problem or f"{first.statistic} {value:.1e} of {first.poses} poses is over {first.bound:.1e}"
        more = f", and {len(missed) - 1} more" if len(missed) > 1 else ""
        raise ValueError(f"{first.file}: {first.output} at batch {first.batch or 1}: {problem}{more}; nothing written")
    return found


def expected(signed: Signed, signature: str, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The outputs of a signature by `PoseModel.predict`, from keypoints that NumPy converted."""
    method, (joints, known) = signed.method, _joints(signed, inputs)
    with np.errstate(invalid="ignore"):
        finite = (inputs["confidence"] > 0.0) & (inputs["confidence"] < LARGEST_PX)
    trust = signed.conversion.apply_confidence(np.where(finite, inputs["confidence"], np.float32(0.0)))
    predicted = method.predict(joints, seen=known, confidence=trust)
    outputs = {"valid": predicted.valid}
    if signature != "likelihood":
        head = np.linalg.norm(predicted.poses_3d[:, method.skeleton.index(method.skeleton.head)], axis=-1)
        millimetres = inputs["root_head_mm"]
        with np.errstate(invalid="ignore", divide="ignore"):
            sized = (millimetres > 0) & (millimetres < LARGEST_HEAD_MM) & (head > 0)
            scale = np.where(sized, millimetres / head, 1.0)
        outputs["poses_3d"] = predicted.poses_3d * scale[:, np.newaxis, np.newaxis]
    if signature in ("lift_full", "lift_all"):
        if predicted.elevation is not None:
            outputs["elevation_deg"] = predicted.elevation
        if predicted.rotation is not None:
            outputs["camera_rotation"] = predicted.rotation
            outputs["canonical_3d"] = outputs["poses_3d"] @ predicted.rotation
    if signature in ("likelihood", "lift_all"):
        elevation = None if predicted.elevation is None else tf.constant(np.deg2rad(predicted.elevation), tf.float32)
        nll = method.view_likelihood(tf.constant(predicted.poses_3d), elevation)
        if nll is not None:
            outputs["valid"] = predicted.valid & np.isfinite(nll)
            outputs["nll"] = np.where(outputs["valid"], nll, 0.0)
    return outputs


def table(differences: Iterable[Difference]) -> str:
    """A line for each file, output, batch and kind of poses."""
    lines = [f"{'file':42} {'output':14} {'batch':>5} {'poses':9} {'mean':>8} {'max':>8}  bound"]
    for d in differences:
        batch = "one" if d.batch is None else str(d.batch)
        bound = f"{d.statistic} {d.bound:g}"
        lines.append(f"{d.file:42} {d.output:14} {batch:>5} {d.poses:9} {d.mean:8.1e} {d.largest:8.1e}  {bound}")
    return "\n".join(lines)


def _joints(signed: Signed, inputs: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """The model's joints [B, J, 2] px, NaN where not seen, and the mask of seen joints [B, J], by NumPy."""
    poses, confidence = inputs["keypoints"], inputs["confidence"]
    given = seen(poses, confidence, signed.min_confidence, root_centred=True)
    centred = root_centred(poses, given, signed.root_weights)
    shown = seen(poses, confidence, signed.min_confidence, root_centred=centred)
    joints = signed.conversion.apply(np.where(shown[..., np.newaxis], poses, np.nan))
    return joints, np.asarray(np.isfinite(joints).all(axis=-1))


def _measure(
    file: str,
    run: Run,
    inputs: Mapping[str, np.ndarray],
    truth: Mapping[str, np.ndarray],
    complete: np.ndarray,
    precision: str,
    batch: int | None,
) -> Iterable[Difference]:
    # Small batches run several times, because the first poses are not hostile.
    size = batch or 1
    starts = range(0, max(size, 44), size)
    parts = [run({name: values[start : start + size] for name, values in inputs.items()}) for start in starts]
    rows = slice(0, starts[-1] + size)
    got = {name: np.concatenate([np.asarray(part[name]) for part in parts]) for name in truth}
    valid, whole = truth["valid"][rows], complete[rows]
    for name in sorted(set(truth) - {"valid"}):
        have, want = got[name], truth[name][rows]
        problem = ""
        if not np.isfinite(have).all():
            problem = "not finite"
        elif not np.array_equal(got["valid"], valid):
            problem = f"{int((got['valid'] != valid).sum())} poses are valid here or there, not both"
        elif np.any(have[~valid]):
            problem = "invalid poses are not 0"
        if name == "nll":
            distance = np.abs(have - want) / (1.0 + np.abs(want))
        elif name in ("poses_3d", "canonical_3d"):  # In unit scale, also for poses in mm.
            distance = np.linalg.norm(have - want, axis=-1) / _size(inputs["root_head_mm"][rows])[:, np.newaxis]
        else:
            distance = np.abs(have - want).max(axis=tuple(range(1, have.ndim)))
        for poses, of in zip(POSES, (valid & whole, valid & ~whole), strict=True):
            if not of.any():
                continue
            hides = poses == "hidden"
            statistic = "max" if precision == "float32" and not hides else "mean"
            bound = BOUNDS[precision][name] + (HIDDEN_SLACK[name] if hides else 0.0)
            mean, largest = float(distance[of].mean()), float(distance[of].max())
            yield Difference(file, name, batch, poses, mean, largest, statistic, bound, problem)


def _size(root_head_mm: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore"):
        return np.where((root_head_mm > 0) & (root_head_mm < LARGEST_HEAD_MM), root_head_mm, 1.0)


def _runs(path: pathlib.Path, signatures: list[str]) -> Iterable[tuple[str, str, tuple[int | None, ...], Run]]:
    """Yields (signature, precision, batches, run) for every signature of a file."""
    if path.is_dir():
        loaded = tf.saved_model.load(str(path))
        for signature in signatures:
            yield signature, "float32", BATCHES, _saved(loaded.signatures[signature])
        return
    signature = max((name for name in signatures if path.stem.startswith(name)), key=len)
    if path.suffix == ".onnx":
        session = open_onnx(path)
        names = [output.name for output in session.get_outputs()]
        yield (
            signature,
            "float32",
            BATCHES,
            lambda inputs: dict(zip(names, map(np.asarray, session.run(names, dict(inputs))), strict=True)),
        )
        return
    rest = path.stem.removeprefix(f"{signature}_")
    batches = BATCHES if rest.endswith("_batch") else (None,)
    interpreter = Interpreter(model_path=str(path), num_threads=1)
    yield signature, rest.removesuffix("_batch"), batches, _lite(interpreter)


def _saved(function) -> Run:
    return lambda inputs: {
        name: value.numpy()
        for name, value in function(**{name: tf.constant(value) for name, value in inputs.items()}).items()
    }


def _lite(interpreter: Interpreter) -> Run:
    runner = interpreter.get_signature_runner()
    return lambda inputs: {name: np.array(value) for name, value in runner(**inputs).items()}
