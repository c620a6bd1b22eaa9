"""From the joints of one skeleton to those of another, by name.

A joint that the source lacks can be synthesised as the mean of named source joints (a pelvis between the hips); it is
then as trustworthy as the least trustworthy of them. Nothing is guessed from the number of joints.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from tf_elepose.skeletons import Skeleton


@dataclasses.dataclass(frozen=True)
class Conversion:
    """Which source joints make each target joint.

    Attributes:
      source, target: joint names in order.
      sources: for every target joint the source joints whose mean it is.
    """

    source: tuple[str, ...]
    target: tuple[str, ...]
    sources: tuple[tuple[str, ...], ...]

    @property
    def matrix(self) -> np.ndarray:
        """[target joints, source joints]: target poses are `matrix @ source poses`."""
        matrix = np.zeros((len(self.target), len(self.source)), np.float32)
        for row, joints in enumerate(self.sources):
            for joint in joints:
                matrix[row, self.source.index(joint)] = 1.0 / len(joints)
        return matrix

    def apply(self, poses: np.ndarray) -> np.ndarray:
        """Poses [..., source joints, d] as [..., target joints, d]; joints that are only reordered stay exact."""
        columns = [np.mean([poses[..., self.source.index(j), :] for j in joints], axis=0) for joints in self.sources]
        return np.stack(columns, axis=-2).astype(poses.dtype)

    def apply_confidence(self, confidence: np.ndarray) -> np.ndarray:
        """Confidences [..., source joints] as [..., target joints]: the minimum of a joint's sources."""
        columns = [np.min([confidence[..., self.source.index(j)] for j in joints], axis=0) for joints in self.sources]
        return np.stack(columns, axis=-1)


def conversion(
    source: Skeleton, target: Skeleton, synthesised: Mapping[str, tuple[str, ...]] | None = None
) -> Conversion:
    """How poses of `source` become poses of `target`.

    Args:
      source, target: joints with equal names are the same joint.
      synthesised: source joints by target joint, for those that the source lacks or should not use.

    Raises:
      ValueError: a target joint that the source lacks and `synthesised` does not give; a name that does not exist.
    """
    rules = dict(synthesised or {})
    if unknown := sorted(set(rules) - set(target.joints)):
        raise ValueError(f"{source.name!r} to {target.name!r}: {', '.join(unknown)} are not joints of the target")
    for joint, joints in rules.items():
        if not joints or not set(joints) <= set(source.joints):
            raise ValueError(
                f"{source.name!r} to {target.name!r}: {joint!r} is made of {list(joints)}; "
                f"source joints are {', '.join(source.joints)}"
            )
    missing = [joint for joint in target.joints if joint not in rules and joint not in source.joints]
    if missing:
        raise ValueError(
            f"{source.name!r} to {target.name!r}: the source has no {', '.join(missing)}; "
            "say which source joints to make them of"
        )
    return Conversion(source.joints, target.joints, tuple(rules.get(joint, (joint,)) for joint in target.joints))
