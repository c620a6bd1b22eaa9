"""A model from the folder that `python -m export --formats=tflite` writes, run by LiteRT: TensorFlow is not needed."""

from __future__ import annotations

import concurrent.futures
import os
import pathlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tf_elepose.data.keypoints import Keypoints
from tf_elepose.inference.bundle import WITH_LIKELIHOOD, WITHOUT, ExportedModel
from tf_elepose.motion.prediction import Prediction

PRECISIONS = ("float32", "float16", "int8_dynamic", "int8")
"""Precisions of the files, the most precise first."""

# Poses at a time: 256 to 1024 take about the same time a pose.
_BATCH = 512


class LiteModel(ExportedModel):
    """A model run from its TFLite file.

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
          precision: one of `PRECISIONS`; the most precise one when None.
          likelihood: whether likelihoods will be wanted.
          threads: number of threads; they take turns with the batches of poses.
          name: the model's; the bundle's own when None.

        Raises:
          ValueError: not a bundle, one of another program or convention, no file of that precision, or a file whose
            checksum differs; or ai-edge-litert is not installed.
        """
        super().__init__(folder, name)
        listed, self.precision = _chosen(self.listed, precision, likelihood, self.folder)
        self.file = self.folder / listed
        self._model = self.read(listed)
        self._threads = threads
        self._runs = [_Run(self._model, self.file, self.skeleton.num_joints)]

    def lift(
        self,
        keypoints: Keypoints,
        groups: np.ndarray | None = None,
        *,
        likelihood: bool,
        progress: Callable[[int], None] | None = None,
    ) -> Prediction:
        """See `LiftingModel.lift`; each pose is lifted by itself, and `groups` have no influence."""
        del groups
        n, joints = len(keypoints), self.skeleton.num_joints
        wanted = {"poses_3d": (n, joints, 3), "valid": (n,), "elevation_deg": (n,), "nll": (n,)}
        wanted["camera_rotation"] = (n, 3, 3)
        found = {
            name: np.zeros(shape, bool if name == "valid" else np.float32)
            for name, shape in wanted.items()
            if name in self._runs[0].outputs and (likelihood or name != "nll")
        }
        pixels, trust = self.placed(keypoints), self.trust(keypoints.seen, keypoints.confidence)
        batches = [slice(first, min(first + _BATCH, n)) for first in range(0, n, _BATCH)]
        while len(self._runs) < min(self._threads, len(batches)):
            self._runs.append(_Run(self._model, self.file, joints))
        done = [0] * len(self._runs)

        def lift_every(which: int) -> None:
            for rows in batches[which :: len(self._runs)]:
                for name, values in self._runs[which](pixels[rows], trust[rows]).items():
                    if name in found:
                        found[name][rows] = values
                done[which] += rows.stop - rows.start
                if progress is not None and which == 0:  # One thread reports for all.
                    progress(sum(done))

        if len(batches) == 1:  # In live use starting a thread would cost time.
            lift_every(0)
        else:
            with concurrent.futures.ThreadPoolExecutor(len(self._runs)) as pool:
                list(pool.map(lift_every, range(len(self._runs))))
        if progress is not None:
            progress(n)
        return Prediction(
            found["poses_3d"],
            found.get("elevation_deg"),
            found["valid"],
            rotation=found.get("camera_rotation"),
            nll=found.get("nll"),
        )


class _Run:
    """An interpreter of a model's file: poses in, named outputs out.

    Several of these share the poses, with a thread each: threads within one interpreter wait for each other after every
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
        self._rows = 0  # Stays 0 if the next calls fail.
        for name, index in self._inputs.items():
            self._interpreter.resize_tensor_input(index, shapes[name])
        self._interpreter.allocate_tensors()
        self._rows = rows


def _chosen(
    listed: Mapping[str, Any], precision: str | None, likelihood: bool, folder: pathlib.Path
) -> tuple[str, str]:
    """The file to use, by its name in the metadata, and its precision."""
    if precision is not None and precision not in PRECISIONS:
        raise ValueError(f"precision: expected one of {', '.join(PRECISIONS)}; got {precision!r}")
    for signature in WITH_LIKELIHOOD if likelihood else WITHOUT:
        for candidate in PRECISIONS if precision is None else (precision,):
            if (path := _file(signature, candidate)) in listed:
                return path, candidate
    found = [p for p in PRECISIONS if any(_file(signature, p) in listed for signature in WITHOUT)]
    if found:
        raise ValueError(f"{folder}: no file of precision {precision}; there is {', '.join(found)}")
    raise ValueError(f"{folder}: expected a file such as {_file('lift_all', 'float32')}: export with --formats=tflite")


def _file(signature: str, precision: str) -> str:
    return f"tflite/{signature}_{precision}_batch.tflite"


def _tensors(interpreter: Any, path: pathlib.Path, joints: int) -> tuple[dict[str, int], dict[str, int]]:
    """Indices of the inputs and outputs by their names in the signature."""
    signatures = list(interpreter._get_full_signature_list().values())
    inputs = dict(signatures[0]["inputs"]) if len(signatures) == 1 else {}
    outputs = dict(signatures[0]["outputs"]) if len(signatures) == 1 else {}
    shapes = {details["index"]: details["shape_signature"].tolist() for details in interpreter.get_input_details()}
    possible = {"keypoints", "confidence", "root_head_mm"}
    if not ({"keypoints", "confidence"} <= set(inputs) <= possible and {"poses_3d", "valid"} <= set(outputs)):
        raise ValueError(f"{path}: expected a function from keypoints to poses_3d, as python -m export writes it")
    if shapes[inputs["keypoints"]] != [-1, joints, 2]:
        raise ValueError(
            f"{path}: expected keypoints of any number of poses of {joints} joints; got {shapes[inputs['keypoints']]}"
        )
    return inputs, outputs
