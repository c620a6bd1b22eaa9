"""The metadata of a bundle, the folder that `python -m export` writes; the same for every runtime of its files."""

from __future__ import annotations

import hashlib
import os
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from tf_elepose.data import visibility
from tf_elepose.data.keypoints import Keypoints
from tf_elepose.inference.model import LiftingModel
from tf_elepose.skeleton.skeletons import Skeleton
from tf_elepose.storage import files

METADATA = "metadata.json"
"""The file that makes a folder a bundle."""

WITH_LIKELIHOOD, WITHOUT = ("lift_all", "lift_full", "lift"), ("lift_full", "lift", "lift_all")
"""Signatures in the order of preference: a signature without likelihoods is faster where none are wanted."""

_NEEDED = ("model", "fingerprint", "convention", "keypoints", "min_confidence", "skeleton", "files")


class ExportedModel(LiftingModel):
    """A bundle's metadata as a `LiftingModel` without its `lift`.

    Attributes:
      folder: of the bundle.
      listed: {file: checksum} of what was exported.
    """

    def __init__(self, folder: str | os.PathLike[str], name: str | None = None) -> None:
        """Reads the metadata.

        Args:
          folder: with metadata.json.
          name: the model's; the bundle's own when None.

        Raises:
          ValueError: not a bundle, or one of another program or convention.
        """
        self.folder = folder = pathlib.Path(folder)
        facts = _metadata(folder)
        self.name = str(facts["model"]) if name is None else name
        self.fingerprint = str(facts["fingerprint"])
        self.skeleton = Skeleton.from_dict(facts["skeleton"], where=f"{folder / METADATA}: skeleton")
        self.min_confidence = float(facts["min_confidence"])
        self.likelihood_quantiles = _quantiles(facts, folder)
        self._usual = _usual_confidence(facts, self.skeleton, folder)
        self.listed: Mapping[str, Any] = facts["files"]
        if tuple(facts["keypoints"]) != self.skeleton.joints:
            raise ValueError(
                f"{folder}: a bundle of the model's own joints is needed, this one takes {facts['convention']!r}: "
                "export it without --convention; keypoints of any convention can then be lifted with it"
            )

    def read(self, file: str) -> bytes:
        """The content of a listed file; ValueError where it is missing or its checksum differs."""
        path, expected = self.folder / file, self.listed[file]
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            raise ValueError(f"{path}: no such file, though the bundle's {METADATA} lists it") from None
        if (found := checksum(data)) != expected:
            raise ValueError(
                f"{path}: is not the file that was exported: expected sha256 {expected}, got {found}; export it again"
            )
        return data

    def trust(self, seen: np.ndarray, confidence: np.ndarray | None) -> np.ndarray:
        """Confidences [N, J] for the exported function: 0 for joints that are not seen. The others, which have passed
        the caller's threshold, are over the threshold in the file too.
        """
        if self._usual is None:  # The model does not use the confidences of seen joints.
            trust = np.full_like(seen, max(1.0, 2.0 * self.min_confidence), np.float32)
        else:
            trust = self._usual if confidence is None else confidence
            trust = np.maximum(trust, np.nextafter(np.float32(self.min_confidence), np.float32(np.inf)))
        return np.where(seen, trust, np.float32(0.0)).astype(np.float32)

    def placed(self, keypoints: Keypoints) -> np.ndarray:
        """Pixels [N, J, 2] for the exported function, which judges each pose alone, as `data.visibility` says.

        The function would leave out joints at (0, 0) that the caller knows to be seen, because poses are root-centred
        or a joint is at the corner of the picture. Such a pose is moved. Lifted poses do not depend on the place in
        the picture.
        """
        pixels, given = keypoints.pixels, keypoints.seen
        doubtful = np.flatnonzero((given & visibility.left_out(pixels)).any(axis=1))
        if not len(doubtful):
            return pixels
        poses, given = pixels[doubtful], given[doubtful]
        weights = visibility.root_weights(self.skeleton, self.skeleton)
        centred = visibility.root_centred(poses, given, weights)
        lost = (given & ~visibility.seen(poses, root_centred=centred)).any(axis=1)
        lowest = np.where(given[..., np.newaxis], poses, np.inf).min(axis=(1, 2), keepdims=True)
        moved = pixels.copy()
        moved[doubtful[lost]] = (np.where(given[..., np.newaxis], poses - lowest + 1.0, 0.0))[lost]
        return moved


def is_bundle(path: str | os.PathLike[str]) -> bool:
    """Whether a folder is (or looks like) a bundle."""
    return (pathlib.Path(path) / METADATA).is_file()


def checksum(data: bytes) -> str:
    """The sha256 of a file's content, as in a bundle's metadata."""
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
        raise ValueError(
            f"{folder / METADATA}: usual_confidence: expected {skeleton.num_joints} numbers, one for each joint"
        )
    if not all(isinstance(value, (int, float)) and 0.0 <= value <= 1.0 for value in values):
        raise ValueError(f"{folder / METADATA}: usual_confidence: expected numbers from 0 to 1")
    return np.array(values, np.float32)
