"""A model from the folder that `python -m export --formats=tflite` writes, run by LiteRT: TensorFlow is not needed."""

from __future__ import annotations

import concurrent.futures
import hashlib
import os
import pathlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tf_elepose import files
from tf_elepose.lifting_model import Answer, LiftingModel
from tf_elepose.skeletons import Skeleton

PRECISIONS = ("float32", "float16", "int8_dynamic", "int8")
"""Of the files, the most precise first."""

METADATA = "metadata.json"
"""The file that makes a folder a bundle."""

_WITH_LIKELIHOOD, _WITHOUT = ("lift_all", "lift_full", "lift"), ("lift_full", "lift", "lift_all")
"""Signatures, the first that a bundle has is used: one that computes no likelihoods where none are wanted is faster."""

_NEEDED = ("model", "fingerprint", "convention", "keypoints", "min_confidence", "skeleton", "files")

# Poses at a time: 256 to 1024 take the same time a pose; fewer take longer, and with more the prior's layers, which see
# several views of each, leave the processor's caches.
_BATCH = 512


class LiteModel(LiftingModel):
    """See the module.

    Attributes:
      precision: of the file in use, one of `PRECISIONS`.
      file: the file in use.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        *,
        precision: str | None = None,
        likelihood: bool = True,
        threads: int = 2,
        name: str | None = None,
    ) -> None:
        """Opens a bundle.

        Args:
          folder: with metadata.json and tflite/.
          precision: one of `PRECISIONS`; the most precise there is when None.
          likelihood: whether likelihoods will be asked for.
          threads: each lifts every so-manieth batch of poses.
          name: the model's; the bundle's own when None.

        Raises:
          ValueError: not a bundle, one of another program or convention, no file of that precision, or a file that is
            not the one that was exported; or ai-edge-litert is not installed.
        """
        folder = pathlib.Path(folder)
        facts = _metadata(folder)
        self.name = str(facts["model"]) if name is None else name
        self.fingerprint = str(facts["fingerprint"])
        self.skeleton = Skeleton.from_dict(facts["skeleton"], where=f"{folder / METADATA}: skeleton")
        self.min_confidence = float(facts["min_confidence"])
        self.likelihood_quantiles = _quantiles(facts, folder)
        self._usual = _usual_confidence(facts, self.skeleton, folder)
        if tuple(facts["keypoints"]) != self.skeleton.joints:
            raise ValueError(
                f"{folder}: a bundle of the model's own joints is needed, this one takes {facts['convention']!r}: "
                "export it without --convention; keypoints of any convention can then be lifted with it"
            )
        listed, self.precision = _chosen(facts["files"], precision, likelihood, folder)
        self.file = folder / listed
        self._model = _read(self.file, facts["files"][listed])
        self._threads = threads
        self._runs = [_Run(self._model, self.file, self.skeleton.num_joints)]

    def lift(
        self,
        poses_2d: np.ndarray,
        seen: np.ndarray,
        groups: np.ndarray | None,
        *,
        likelihood: bool,
        confidence: np.ndarray | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> Answer:
        """See `LiftingModel.lift`; every pose for itself, `groups` do not matter."""
        del groups
        n, joints = len(poses_2d), self.skeleton.num_joints
        wanted = {"poses_3d": (n, joints, 3), "valid": (n,), "elevation_deg": (n,), "nll": (n,)}
        wanted["camera_rotation"] = (n, 3, 3)
        found = {
            name: np.zeros(shape, bool if name == "valid" else np.float32)
            for name, shape in wanted.items()
            if name in self._runs[0].outputs and (likelihood or name != "nll")
        }
        trust = self._trust(seen, confidence)
        batches = [slice(first, min(first + _BATCH, n)) for first in range(0, n, _BATCH)]
        while len(self._runs) < min(self._threads, len(batches)):
            self._runs.append(_Run(self._model, self.file, joints))
        done = [0] * len(self._runs)

        def lift_every(which: int) -> None:
            for rows in batches[which :: len(self._runs)]:
                for name, values in self._runs[which](poses_2d[rows], trust[rows]).items():
                    if name in found:
                        found[name][rows] = values
                done[which] += rows.stop - rows.start
                if progress is not None and which == 0:  # One thread draws.
                    progress(sum(done))

        if len(batches) == 1:  # Live use: without a thread's start.
            lift_every(0)
        else:
            with concurrent.futures.ThreadPoolExecutor(len(self._runs)) as pool:
                list(pool.map(lift_every, range(len(self._runs))))
        if progress is not None:
            progress(n)
        known = (found.get(name) for name in ("elevation_deg", "nll", "camera_rotation"))
        return Answer(found["poses_3d"], found["valid"], *known)

    def _trust(self, seen: np.ndarray, confidence: np.ndarray | None) -> np.ndarray:
        """Confidences [N, J] as the file wants them: 0 for hidden joints, and for the others, which have passed the
        caller's threshold, more than any that it was exported with.
        """
        if self._usual is None:  # It does not matter how far the others are trusted.
            trust = np.full_like(seen, max(1.0, 2.0 * self.min_confidence), np.float32)
        else:
            trust = self._usual if confidence is None else confidence
            trust = np.maximum(trust, np.nextafter(np.float32(self.min_confidence), np.float32(np.inf)))
        return np.where(seen, trust, np.float32(0.0)).astype(np.float32)


class _Run:
    """An interpreter of a model's file: poses in, named outputs out.

    Poses are shared out among several of these, with a thread each: threads within one wait for each other after every
    layer, which costs more than it gains where the processor has other work too.
    """

    def __init__(self, model: bytes, path: pathlib.Path, joints: int) -> None:
        try:
            from ai_edge_litert.interpreter import Interpreter
        except ImportError as error:
            raise ValueError(f"{path}: needs ai-edge-litert: pip install ai-edge-litert") from error
        try:
            self._interpreter = Interpreter(model_content=model, num_threads=1)
        except (ValueError, RuntimeError) as error:
            raise ValueError(f"{path}: not a TFLite model ({error})") from error
        self._inputs, self.outputs = _tensors(self._interpreter, path, joints)
        self._joints, self._rows = joints, 0
        self._shape(1)

    def __call__(self, poses_2d: np.ndarray, confidence: np.ndarray) -> dict[str, np.ndarray]:
        """Outputs by name, of poses [B, J, 2] px and confidences [B, J]."""
        self._shape(len(poses_2d))
        given = {"keypoints": poses_2d, "confidence": confidence, "root_head_mm": np.zeros(len(poses_2d))}
        for name, index in self._inputs.items():
            self._interpreter.set_tensor(index, np.ascontiguousarray(given[name], np.float32))
        self._interpreter.invoke()
        return {name: self._interpreter.get_tensor(index) for name, index in self.outputs.items()}

    def _shape(self, rows: int) -> None:
        if rows == self._rows:
            return
        shapes = {"keypoints": [rows, self._joints, 2], "confidence": [rows, self._joints], "root_head_mm": [rows]}
        for name, index in self._inputs.items():
            self._interpreter.resize_tensor_input(index, shapes[name])
        self._interpreter.allocate_tensors()
        self._rows = rows


def is_bundle(path: str | os.PathLike[str]) -> bool:
    """Whether a folder is (or looks like) a bundle."""
    return (pathlib.Path(path) / METADATA).is_file()


def checksum(data: bytes) -> str:
    """As a bundle's metadata list it for each of its files."""
    return hashlib.sha256(data).hexdigest()


def _metadata(folder: pathlib.Path) -> Mapping[str, Any]:
    facts = files.read_json(folder / METADATA)
    missing = [key for key in _NEEDED if not isinstance(facts, Mapping) or key not in facts]
    sound = not missing and isinstance(facts["keypoints"], list) and isinstance(facts["files"], Mapping)
    if not sound or not isinstance(facts["min_confidence"], (int, float)):
        lacks = f"; {', '.join(missing)} missing" if missing else ""
        raise ValueError(f"{folder / METADATA}: expected what python -m export writes{lacks}")
    return facts


def _quantiles(facts: Mapping[str, Any], folder: pathlib.Path) -> np.ndarray | None:
    values = facts.get("likelihood_quantiles")
    if values is None:
        return None
    numbers = isinstance(values, list) and all(isinstance(value, (int, float)) for value in values)
    quantiles = np.array(values if numbers else [], np.float64)
    if len(quantiles) < 2 or not np.isfinite(quantiles).all() or (np.diff(quantiles) < 0).any():
        raise ValueError(f"{folder / METADATA}: likelihood_quantiles: expected ascending numbers")
    return quantiles


def _usual_confidence(facts: Mapping[str, Any], skeleton: Skeleton, folder: pathlib.Path) -> np.ndarray | None:
    values = facts.get("usual_confidence")
    if values is None:
        return None
    if not isinstance(values, list) or len(values) != skeleton.num_joints:
        raise ValueError(f"{folder / METADATA}: usual_confidence: expected {skeleton.num_joints} numbers, one a joint")
    if not all(isinstance(value, (int, float)) and 0.0 <= value <= 1.0 for value in values):
        raise ValueError(f"{folder / METADATA}: usual_confidence: expected numbers from 0 to 1")
    return np.array(values, np.float32)


def _chosen(
    listed: Mapping[str, Any], precision: str | None, likelihood: bool, folder: pathlib.Path
) -> tuple[str, str]:
    """The file to use, by its name in the metadata, and its precision."""
    if precision is not None and precision not in PRECISIONS:
        raise ValueError(f"precision: expected one of {', '.join(PRECISIONS)}; got {precision!r}")
    for signature in _WITH_LIKELIHOOD if likelihood else _WITHOUT:
        for candidate in PRECISIONS if precision is None else (precision,):
            if (path := _file(signature, candidate)) in listed:
                return path, candidate
    there = [p for p in PRECISIONS if any(_file(signature, p) in listed for signature in _WITHOUT)]
    if there:
        raise ValueError(f"{folder}: no file of precision {precision}; there is {', '.join(there)}")
    raise ValueError(f"{folder}: expected a file such as {_file('lift_all', 'float32')}: export with --formats=tflite")


def _file(signature: str, precision: str) -> str:
    return f"tflite/{signature}_{precision}_batch.tflite"


def _read(path: pathlib.Path, expected: Any) -> bytes:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise ValueError(f"{path}: no such file, though the bundle's {METADATA} lists it") from None
    if (found := checksum(data)) != expected:
        raise ValueError(
            f"{path}: is not the file that was exported: expected sha256 {expected}, got {found}; export it again"
        )
    return data


def _tensors(interpreter: Any, path: pathlib.Path, joints: int) -> tuple[dict[str, int], dict[str, int]]:
    """Indices of the inputs and outputs by their names in the signature."""
    signatures = list(interpreter._get_full_signature_list().values())
    inputs = dict(signatures[0]["inputs"]) if len(signatures) == 1 else {}
    outputs = dict(signatures[0]["outputs"]) if len(signatures) == 1 else {}
    shapes = {details["index"]: details["shape_signature"].tolist() for details in interpreter.get_input_details()}
    known = {"keypoints", "confidence", "root_head_mm"}
    if not ({"keypoints", "confidence"} <= set(inputs) <= known and {"poses_3d", "valid"} <= set(outputs)):
        raise ValueError(f"{path}: expected a function from keypoints to poses_3d, as python -m export writes it")
    if shapes[inputs["keypoints"]] != [-1, joints, 2]:
        raise ValueError(
            f"{path}: expected keypoints of any number of poses of {joints} joints; got {shapes[inputs['keypoints']]}"
        )
    return inputs, outputs
