"""The built-in data set: simulated people in front of simulated cameras; nothing is downloaded."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from tf_elepose import geometry
from tf_elepose.data.detector import simulate_detections
from tf_elepose.data.mocap.kinematics import ANKLE_HEIGHT, JOINTS, SIDES, Bodies, draw_bodies, forward_kinematics
from tf_elepose.data.mocap.motion import ACTIVITIES, Motion, draw_motion
from tf_elepose.data.mocap.virtual_cameras import IMAGE_PX, Rig, draw_rig, pixels, view
from tf_elepose.data.recording import Recording
from tf_elepose.skeleton.skeletons import Skeleton

_NEAREST_MM = 500.0  # A person who is closer to the camera does not fit into the image.


def synthesize(
    skeleton: Skeleton,
    *,
    seed: int = 0,
    subjects: int = 20,
    takes: int = 2,
    frames: int = 32,
    frame_rate: float = 12.5,
    cameras: int = 4,
    elevation_mean: float = 12.0,
    elevation_std: float = 6.0,
    roll_std: float = 0.0,
    distance_mean: float = 5000.0,
    distance_std: float = 250.0,
    test_fraction: float = 0.2,
) -> Recording:
    """A recording of simulated people; equal options, the seed among them, give equal arrays.

    Every subject performs every activity `takes` times, each clip with its own style, heading and cameras; by
    default 200 clips, 20,480 views to train on and 5,120 to test on. Headings are uniform over the circle.

    Args:
      skeleton: has exactly the joints of `kinematics.JOINTS`, in any order.
      seed: of everything random, from 0.
      subjects: how many people; the last `test_fraction` of them are the test split, with all their clips.
      takes: clips for each subject and activity.
      frames: of a clip; after more than about 3 seconds walkers leave the image.
      frame_rate: frames a second.
      cameras: how many for each clip, spread evenly around it.
      elevation_mean, elevation_std: of the cameras above the horizon, degrees, positive looking down.
      roll_std: of the cameras, degrees.
      distance_mean, distance_std: from camera to person, mm.
      test_fraction: share of the subjects held out.

    Raises:
      ValueError: the skeleton has other joints, or an option is out of its range.
    """
    if set(skeleton.joints) != set(JOINTS):
        raise ValueError(f"synthetic: has the joints {', '.join(JOINTS)}; skeleton {skeleton.name!r} wants others")
    _require_counts({"subjects": subjects, "takes": takes, "frames": frames, "cameras": cameras})
    _require_numbers({"frame_rate": frame_rate, "distance_mean": distance_mean}, above_zero=True)
    _require_numbers({"elevation_std": elevation_std, "roll_std": roll_std, "distance_std": distance_std})
    if not (math.isfinite(elevation_mean) and abs(elevation_mean) <= 90):
        raise ValueError(f"synthetic: elevation_mean: expected degrees from -90 to 90; got {elevation_mean}")
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
        raise ValueError(f"synthetic: seed: expected an integer from 0; got {seed!r}")
    held_out = round(subjects * test_fraction) if 0 <= test_fraction <= 1 else 0
    if not 1 <= held_out < subjects:
        raise ValueError(
            f"synthetic: test_fraction: {test_fraction} of {subjects} subjects leaves no one to train on or no one to "
            "test on"
        )

    # Independent streams: other cameras, for example, do not change the motion.
    body_rng, motion_rng, camera_rng, detector_rng = np.random.default_rng(seed).spawn(4)
    clips = subjects * takes
    subject = np.tile(np.repeat(np.arange(subjects), takes), len(ACTIVITIES))
    bodies = draw_bodies(body_rng, subjects).take(subject)
    time = np.arange(frames) / frame_rate
    motion = _joined([draw_motion(activity, motion_rng, time, clips) for activity in ACTIVITIES])
    world = _in_world(bodies, motion, frame_rate, skeleton).numpy()
    center = world[:, :, skeleton.root_index].mean(axis=1)
    rig = draw_rig(
        camera_rng, center, cameras, (elevation_mean, elevation_std), roll_std, (distance_mean, distance_std)
    )
    poses_3d = view(rig, world)
    if (nearest := poses_3d[..., 2].min()) < _NEAREST_MM:
        raise ValueError(
            f"synthetic: distance_mean {distance_mean} and distance_std {distance_std} bring someone to {nearest:.0f} "
            f"mm in front of a camera; expected at least {_NEAREST_MM:.0f}"
        )
    poses_2d = pixels(poses_3d).astype(np.float32)
    return _recording(
        poses_3d.astype(np.float32), poses_2d, rig, subject, takes, subjects - held_out, detector_rng, skeleton
    )


def _require_counts(counts: Mapping[str, int]) -> None:
    for name, count in counts.items():
        if isinstance(count, bool) or not isinstance(count, (int, np.integer)) or count < 1:
            raise ValueError(f"synthetic: {name}: expected an integer from 1; got {count!r}")


def _require_numbers(numbers: Mapping[str, float], above_zero: bool = False) -> None:
    for name, number in numbers.items():
        if not math.isfinite(number) or number < 0 or (above_zero and number == 0):
            raise ValueError(
                f"synthetic: {name}: expected a number {'above' if above_zero else 'from'} 0; got {number}"
            )


def _joined(motions: list[Motion]) -> Motion:
    return Motion(
        {name: np.concatenate([motion.angles[name] for motion in motions]) for name in motions[0].angles},
        np.concatenate([motion.heading for motion in motions]),
        np.concatenate([motion.speed for motion in motions]),
    )


def _in_world(bodies: Bodies, motion: Motion, frame_rate: float, skeleton: Skeleton) -> tf.Tensor:
    """Poses [C, T, J, 3] mm in the world, with the lower foot on the floor (y = 0), moving at the motion's speed."""
    joints = forward_kinematics(bodies, motion.angles)
    poses = tf.stack([joints[joint] for joint in skeleton.joints], axis=-2)
    heading = np.radians(motion.heading)
    poses = geometry.rotate(geometry.rotation_y(tf.constant(heading, tf.float32)), poses)
    step = motion.speed * bodies.stature[:, np.newaxis] / frame_rate
    # y points down: the height of the root puts the lower foot on the floor. The maximum over both ankles is smooth
    # (over some mm), because the weight shifts smoothly from foot to foot.
    softness = 15.0
    ankles = tf.gather(poses, skeleton.indices(tuple(f"{side}_ankle" for side in SIDES)), axis=2)[..., 1]
    lowest = softness * tf.reduce_logsumexp(ankles / softness, axis=-1)
    root = tf.stack(
        [
            tf.constant(np.cumsum(step * np.sin(heading), axis=1), tf.float32),
            -lowest - tf.constant(ANKLE_HEIGHT * bodies.stature[:, np.newaxis], tf.float32),
            tf.constant(np.cumsum(step * np.cos(heading), axis=1), tf.float32),
        ],
        axis=-1,
    )
    return poses + root[:, :, tf.newaxis]


def _recording(
    poses_3d: np.ndarray,
    poses_2d: np.ndarray,
    rig: Rig,
    subject: np.ndarray,
    takes: int,
    train_subjects: int,
    rng: np.random.Generator,
    skeleton: Skeleton,
) -> Recording:
    """The recording with the rows of arrays [C, K, T, ...]; frames vary fastest, then cameras, then clips."""
    clips, cameras, frames = poses_3d.shape[:3]
    action = np.repeat(list(ACTIVITIES), clips // len(ACTIVITIES))
    take = np.arange(clips) % takes
    name = np.array([f"S{number + 1:02d}" for number in subject])
    clip = np.array([f"{who}/{what}_{t + 1}" for who, what, t in zip(name, action, take, strict=True)])
    split = np.where(subject < train_subjects, "train", "test")

    def of_clip(values: np.ndarray) -> np.ndarray:
        return np.repeat(values, cameras * frames)

    rows_2d = poses_2d.reshape(-1, *poses_2d.shape[3:])
    detected, confidence = simulate_detections(rng, rows_2d, skeleton)
    return Recording(
        source="synthetic",
        skeleton=skeleton,
        poses_2d=rows_2d,
        subject=of_clip(name),
        action=of_clip(action),
        clip=of_clip(clip),
        camera=np.tile(np.repeat(np.arange(cameras), frames), clips),
        frame=np.tile(np.arange(frames), clips * cameras),
        split=of_clip(split),
        poses_2d_detected=detected,
        confidence=confidence,
        poses_3d=poses_3d.reshape(-1, *poses_3d.shape[3:]),
        elevation=np.repeat(rig.elevation.reshape(-1), frames).astype(np.float32),
        image_size=np.array([IMAGE_PX, IMAGE_PX]),
    )
