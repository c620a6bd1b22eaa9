"""CanonPose's lifter: a pose in a coordinate system of its own, and the rotation from there to the camera."""

from __future__ import annotations

import math

import tensorflow as tf

from tf_elepose import geometry
from tf_elepose.nn.blocks import BranchedNetwork
from tf_elepose.nn.pose_statistics import PoseStatistics


class CanonicalLifter(BranchedNetwork):
    """Section 3.5 and figure 3: 2D pose and confidences to a canonical 3D pose and an axis-angle rotation.

    Upscaling without activation and one residual block, then two more for each of pose and rotation, as in the
    published code.
    """

    def __init__(
        self,
        num_joints: int,
        root_index: int,
        statistics: PoseStatistics,
        *,
        width: int,
        confidences: bool,
        precision: str = "float32",
        seed: int = 0,
        name: str = "lifter",
        **kwargs,
    ) -> None:
        """Args:
        num_joints, root_index: J, and which of them is the root.
        statistics: of the training poses; hidden joints are guessed from them.
        width: of every hidden layer; 1024 in the paper.
        confidences: whether the confidences are an input (section 3.3).
        precision: "float32", or "mixed_bfloat16" for the hidden layers' matrix products.
        seed: of the first weights.
        """
        super().__init__(
            (3 if confidences else 2) * num_joints,
            {"pose": 3 * num_joints, "rotation": 3},
            width=width,
            shared=1,
            depth=2,
            scales={"pose": 1.0, "rotation": 0.1},  # Rotations start near the identity.
            precision=precision,
            seed=seed,
            name=name,
            **kwargs,
        )
        self.num_joints = num_joints
        self.root_index = root_index
        self.confidences = confidences
        self._fitted = statistics

    def build(self, input_shape=None) -> None:
        self.distribution = self._fitted.add_to(self)
        super().build(input_shape)

    def call(self, image, confidence):
        """The canonical pose X [B, J, 3], root at the origin, any unit; and the rotation vector [B, 3], radians.

        Args:
          image: [B, J, 2] complete poses, root at the origin; their size does not matter.
          confidence: [B, J] 0 to 1; 0 for joints that are guesses.
        """
        # Divided by the Frobenius norm (section 3.1), then brought to unit variance.
        unit = math.sqrt(2.0 * self.num_joints) * geometry.unit_size(image)
        inputs = [tf.reshape(unit, [-1, 2 * self.num_joints])]
        if self.confidences:
            inputs.append(confidence - 1.0)
        outputs = self.respond(tf.concat(inputs, axis=-1))
        X = tf.reshape(outputs["pose"], [-1, self.num_joints, 3])
        return geometry.center(X, self.root_index), outputs["rotation"]

    def guess(self, image, seen):
        """All joints [B, J, 2] of normalised poses `image` [B, J, 2]; a joint that is not `seen` [B, J] is the mean of
        a normal distribution, given the seen joints (nn/pose_statistics.py).
        """
        return tf.convert_to_tensor(self.distribution.deviation) * self.distribution.guess(image, seen)
