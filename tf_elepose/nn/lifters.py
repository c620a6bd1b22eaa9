"""ElePose's lifter: depths and the camera's elevation from a 2D pose."""

from __future__ import annotations

import tensorflow as tf

from tf_elepose.nn.blocks import BranchedNetwork

ARCHITECTURES = ("code", "paper")


class DepthElevationLifter(BranchedNetwork):
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
        width: int,
        arch: str,
        input_deviation: float,
        precision: str = "float32",
        seed: int = 0,
        name: str = "lifter",
        **kwargs,
    ) -> None:
        """Args:
        num_joints: J.
        width: of every hidden layer; 1024 in the paper.
        arch: "code" or "paper".
        input_deviation: standard deviation of the input coordinates; they are divided by it.
        precision: "float32", or "mixed_bfloat16" for the hidden layers' matrix products.
        seed: of the first weights.
        """
        if arch not in ARCHITECTURES:
            raise ValueError(f"unknown lifter architecture {arch!r}; expected one of {', '.join(ARCHITECTURES)}")
        shared, depth = (1, 2) if arch == "code" else (0, 3)
        super().__init__(
            2 * num_joints,
            {"depth": num_joints, "elevation": 1},
            width=width,
            shared=shared,
            depth=depth,
            activated=arch == "paper",
            # First poses are nearly flat and level, not far from all that the prior has been trained on.
            scales={"depth": 0.01, "elevation": 0.01},
            precision=precision,
            seed=seed,
            name=name,
            **kwargs,
        )
        self.num_joints = num_joints
        self.width = width
        self.arch = arch
        self.input_deviation = input_deviation

    def call(self, image):
        """Depth offsets [B, J] (units of the normaliser) and elevation [B] (radians) of poses `image` [B, J, 2].

        The elevation e is the angle of the rotation about x that levels the pose: negative for a camera above the
        horizon looking down.
        """
        outputs = self.respond(tf.reshape(image, [-1, 2 * self.num_joints]) / self.input_deviation)
        return outputs["depth"], outputs["elevation"][..., 0]
