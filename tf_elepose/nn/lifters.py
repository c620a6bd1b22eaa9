"""ElePose's lifter: depths and the camera's elevation from a 2D pose."""

from __future__ import annotations

from typing import Unpack

import keras
import tensorflow as tf

from tf_elepose.nn.blocks import BranchedTrunk, HiddenLayers

ARCHITECTURES = ("code", "paper")


class DepthElevationLifter(keras.Model):
    """ElePose's lifting network: depth offsets and the camera's elevation from a normalised 2D pose.

    Paper and published code differ, so there are two architectures:
      "code"   (published code) upscaling without activation, one residual block shared by both branches, then two
               more blocks for each of depth and elevation.
      "paper"  (section 3) upscaling with leaky ReLU, then two separate paths of three residual blocks.
    """

    def __init__(
        self,
        num_joints: int,
        *,
        arch: str,
        input_deviation: float,
        name: str = "lifter",
        **layers: Unpack[HiddenLayers],
    ) -> None:
        """Builds the network with its first weights.

        Args:
          num_joints: J.
          arch: "code" or "paper".
          input_deviation: standard deviation of the input coordinates; they are divided by it.
          layers: `width`, `precision` and `seed` of the hidden layers, see `HiddenLayers`; the paper's width is 1024.
        """
        if arch not in ARCHITECTURES:
            raise ValueError(f"unknown lifter architecture {arch!r}; expected one of {', '.join(ARCHITECTURES)}")
        shared, depth = (1, 2) if arch == "code" else (0, 3)
        super().__init__(name=name)
        self.trunk = BranchedTrunk(
            2 * num_joints,
            {"depth": num_joints, "elevation": 1},
            shared=shared,
            depth=depth,
            activated=arch == "paper",
            # First poses are nearly flat and level, not far from all that the prior has been trained on.
            scales={"depth": 0.01, "elevation": 0.01},
            **layers,
        )
        self.trunk_layers = self.trunk.layers
        self.width = self.trunk.width
        self.num_joints = num_joints
        self.arch = arch
        self.input_deviation = input_deviation

    def build(self, input_shape=None) -> None:
        self.trunk.build()
        self.built = True

    def call(self, image):
        """Depth offsets [B, J] (units of the normalizer) and elevation [B] (radians) of poses `image` [B, J, 2].

        The elevation e is the angle of the rotation about x that levels the pose: negative for a camera above the
        horizon looking down.
        """
        outputs = self.trunk(tf.reshape(image, [-1, 2 * self.num_joints]) / self.input_deviation)
        return outputs["depth"], outputs["elevation"][..., 0]
