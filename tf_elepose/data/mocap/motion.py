"""Simulates how people move: joint angles over time for a few everyday activities.

Every activity draws `count` clips at once; each clip has its own style (constant over the clip) and its own smooth
variation. Times are in seconds, angles in degrees as in kinematics.py; there are C clips of T frames.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from tf_elepose.data.mocap.kinematics import JOINT_LIMITS, SIDES, Angles, limit

Ranges = dict[str, tuple[float, float]]
"""{an arm's degree of freedom, without its side: lowest and highest degrees}."""


@dataclasses.dataclass(frozen=True)
class Motion:
    """The motion of C clips of T frames.

    Attributes:
      angles: {name: [C, T] degrees} for every name in `JOINT_LIMITS`.
      heading: [C, T] degrees by which the body's frame is turned to the right from the world's.
      speed: [C, T] statures a second, ahead.
    """

    angles: Angles
    heading: np.ndarray
    speed: np.ndarray


_HANGING: Ranges = {
    "shoulder_raise": (-5, 18), "shoulder_plane": (-10, 45), "shoulder_rotation": (-25, 10), "elbow_flexion": (5, 40),
}  # fmt: skip
_GESTURE: Ranges = {
    "shoulder_raise": (10, 80), "shoulder_plane": (0, 80), "shoulder_rotation": (-45, 40), "elbow_flexion": (35, 120),
}  # fmt: skip
_REACH: Ranges = {
    "shoulder_raise": (45, 155), "shoulder_plane": (-20, 95), "shoulder_rotation": (-20, 40), "elbow_flexion": (5, 65),
}  # fmt: skip
_ON_LAP: Ranges = {
    "shoulder_raise": (5, 35), "shoulder_plane": (0, 30), "shoulder_rotation": (-35, 0), "elbow_flexion": (45, 85),
}  # fmt: skip
_BALANCE: Ranges = {
    "shoulder_raise": (60, 100), "shoulder_plane": (-10, 40), "shoulder_rotation": (-20, 10), "elbow_flexion": (5, 50),
}  # fmt: skip
_TO_FACE: Ranges = {
    "shoulder_raise": (30, 65), "shoulder_plane": (0, 35), "shoulder_rotation": (-25, 5), "elbow_flexion": (115, 140),
}  # fmt: skip
_ON_HIP: Ranges = {
    "shoulder_raise": (35, 50), "shoulder_plane": (85, 110), "shoulder_rotation": (-60, -45), "elbow_flexion": (80, 99),
}  # fmt: skip


def draw_motion(activity: str, rng: np.random.Generator, time: np.ndarray, count: int) -> Motion:
    """Draws `count` clips of one of `ACTIVITIES` at `time` [T] seconds, within the limits of the joints."""
    motion = ACTIVITIES[activity](rng, time, count)
    return dataclasses.replace(motion, angles=limit(motion.angles))


def _between(rng: np.random.Generator, count: int, low: float, high: float) -> np.ndarray:
    """Draws one number between `low` and `high` for each clip, [C, 1]."""
    return rng.uniform(low, high, (count, 1))


def _drift(rng: np.random.Generator, time: np.ndarray, count: int, amplitude: float) -> np.ndarray:
    """Slow variation [C, T] about 0: a sum of sinusoids with random phases, of standard deviation `amplitude`."""
    waves = 3
    period = rng.uniform(1.5, 6.0, (count, waves, 1))
    phase = rng.uniform(0.0, 2 * np.pi, (count, waves, 1))
    return amplitude * np.sqrt(2 / waves) * np.sin(2 * np.pi * time / period + phase).sum(axis=1)


def _ease(share: np.ndarray) -> np.ndarray:
    """A smooth step from 0 to 1, as a hand moves from place to place: minimum jerk (Flash and Hogan 1985)."""
    s = np.clip(share, 0.0, 1.0)
    return s**3 * (10 - 15 * s + 6 * s**2)


def _pulse(phase: np.ndarray, center: float, sharpness: float) -> np.ndarray:
    """A smooth pulse: 1 where `phase` (radians) passes `center` (a share of the cycle), about 0 elsewhere."""
    return np.exp(sharpness * (np.cos(phase - 2 * np.pi * center) - 1))


def _through(rng: np.random.Generator, time: np.ndarray, keys: np.ndarray, seconds: float) -> np.ndarray:
    """Values [..., C, T] that go from each of `keys` [..., C, K] to the next in about `seconds`, at a random pace."""
    count = keys.shape[-2]
    position = time / _between(rng, count, 0.7 * seconds, 1.4 * seconds) + _between(rng, count, 0, 1)
    before = np.minimum(position.astype(int), keys.shape[-1] - 2)
    share = _ease(position - before)
    before = np.broadcast_to(before, (*keys.shape[:-2], *before.shape))
    return (1 - share) * np.take_along_axis(keys, before, -1) + share * np.take_along_axis(keys, before + 1, -1)


def _num_keys(time: np.ndarray, seconds: float) -> int:
    return int(np.ptp(time) / (0.7 * seconds)) + 3  # Enough for the fastest pace in `_through`.


def _arm(rng: np.random.Generator, time: np.ndarray, count: int, side: str, repertoire: Sequence[Ranges]) -> Angles:
    """The angles of one arm that moves from pose to pose, each drawn from a random entry of `repertoire`."""
    seconds = 1.1
    shape = (count, _num_keys(time, seconds))
    entry = rng.integers(len(repertoire), size=shape)
    names = list(repertoire[0])
    lows, highs = (np.array([[ranges[name][end] for ranges in repertoire] for name in names]) for end in (0, 1))
    keys = rng.uniform(lows[:, entry], highs[:, entry])
    return {f"{side}_{name}": values for name, values in zip(names, _through(rng, time, keys, seconds), strict=True)}


def _arms(rng: np.random.Generator, time: np.ndarray, count: int, repertoire: Sequence[Ranges]) -> Angles:
    return _arm(rng, time, count, "l", repertoire) | _arm(rng, time, count, "r", repertoire)


def _mixed(choice: np.ndarray, yes: Angles, no: Angles) -> Angles:
    """The angles of `yes` in the clips where `choice` [C, 1] is true, otherwise those of `no`."""
    return {name: np.where(choice, yes[name], no[name]) for name in yes}


def _standing(rng: np.random.Generator, time: np.ndarray, count: int) -> Motion:
    """Standing upright with hanging arms, a little sway in every joint, looking about; activities start from it."""
    angles = {name: _drift(rng, time, count, 1.0) for name in JOINT_LIMITS}
    angles["trunk_flexion"] += _between(rng, count, -4, 14)
    angles["trunk_bend"] += _between(rng, count, -5, 5) + _drift(rng, time, count, 2.0)
    angles["trunk_twist"] += _between(rng, count, -8, 8) + _drift(rng, time, count, 4.0)
    angles["neck_flexion"] += _between(rng, count, -12, 25) + _drift(rng, time, count, 5.0)
    angles["neck_twist"] += _between(rng, count, -25, 25) + _drift(rng, time, count, 12.0)
    angles["neck_bend"] += _between(rng, count, -8, 8) + _drift(rng, time, count, 2.0)
    for side in SIDES:
        knee = _between(rng, count, 6, 14)
        angles[f"{side}_knee_flexion"] += knee
        angles[f"{side}_hip_flexion"] += 0.5 * knee  # Keeps the ankle below the hip.
        angles[f"{side}_hip_abduction"] += _between(rng, count, 0, 8)
        angles[f"{side}_hip_rotation"] += _between(rng, count, 0, 12)
    angles |= _arms(rng, time, count, [_HANGING])
    heading = _between(rng, count, 0, 360) + rng.normal(0, 6, (count, 1)) * time + _drift(rng, time, count, 3.0)
    return Motion(angles, heading, np.zeros((count, len(time))))


def walking(rng: np.random.Generator, time: np.ndarray, count: int) -> Motion:
    """Walking, the arms swinging against the legs; in some clips one hand does something else.

    The curves follow Winter, Biomechanics and Motor Control of Human Gait: the hip swings like a cosine from heel
    strike (phase 0); the knee yields under the load at about 14 % of the stride and flexes most at about 72 %.
    """
    motion = _standing(rng, time, count)
    angles = motion.angles
    strides = _between(rng, count, 0.7, 1.0)  # a second
    phase = 2 * np.pi * (strides * time + _between(rng, count, 0, 1)) + _drift(rng, time, count, 0.1)
    hip_swing, arm_swing = _between(rng, count, 13, 24), _between(rng, count, 5, 32)
    mean_hip, loading = _between(rng, count, 6, 13), _between(rng, count, 5, 16)
    knee_swing = _between(rng, count, 40, 60)
    resting_elbow, elbow_swing = _between(rng, count, 8, 40), _between(rng, count, 5, 25)
    for side, offset in (("r", 0.0), ("l", np.pi)):
        step = phase + offset
        angles[f"{side}_hip_flexion"] = mean_hip + hip_swing * np.cos(step) + _drift(rng, time, count, 1.0)
        angles[f"{side}_knee_flexion"] = (
            _between(rng, count, 4, 8) + loading * _pulse(step, 0.14, 6.0) + knee_swing * _pulse(step, 0.72, 3.0)
        )
        forward = -np.cos(step)
        swinging = {
            f"{side}_shoulder_raise": 4 + arm_swing * forward,
            f"{side}_shoulder_plane": _between(rng, count, -10, 15) + _drift(rng, time, count, 2.0),
            f"{side}_shoulder_rotation": _between(rng, count, -25, 5) + _drift(rng, time, count, 2.0),
            f"{side}_elbow_flexion": resting_elbow + elbow_swing * (0.5 + 0.5 * forward),
        }
        busy = rng.random((count, 1)) < 0.25
        angles |= _mixed(busy, _arm(rng, time, count, side, [_GESTURE, _TO_FACE, _REACH]), swinging)
    angles["pelvis_list"] += _between(rng, count, 2, 5) * np.sin(phase)
    angles["pelvis_tilt"] += _between(rng, count, 0, 6)
    angles["trunk_twist"] += _between(rng, count, 3, 9) * np.cos(phase)
    angles["trunk_bend"] -= _between(rng, count, 1, 4) * np.sin(phase)
    heading = motion.heading + rng.normal(0, 12, (count, 1)) * time - _between(rng, count, 2, 6) * np.cos(phase)
    leg = 0.491  # Thigh and shank, in statures.
    step_length = 2 * leg * np.sin(np.radians(hip_swing))
    return Motion(angles, heading, np.broadcast_to(2 * strides * step_length, phase.shape))


def sitting(rng: np.random.Generator, time: np.ndarray, count: int) -> Motion:
    """Sitting with level thighs, feet under or before the knees; the hands rest on the lap or gesture."""
    motion = _standing(rng, time, count)
    angles = motion.angles
    tilt = _between(rng, count, -15, 10)
    angles["pelvis_tilt"] += tilt
    angles["trunk_flexion"] += _between(rng, count, 0, 20) + _drift(rng, time, count, 4.0)
    angles["trunk_bend"] += _between(rng, count, -6, 6) + _drift(rng, time, count, 4.0)
    angles["trunk_twist"] += _drift(rng, time, count, 8.0)
    for side in SIDES:
        thigh = _between(rng, count, 72, 95) + _drift(rng, time, count, 1.5)  # From the vertical.
        angles[f"{side}_hip_flexion"] = thigh + tilt
        angles[f"{side}_knee_flexion"] = thigh + _between(rng, count, -22, 22) + _drift(rng, time, count, 3.0)
        angles[f"{side}_hip_abduction"] = _between(rng, count, 0, 18) + _drift(rng, time, count, 2.0)
        angles[f"{side}_hip_rotation"] = _between(rng, count, -8, 20) + _drift(rng, time, count, 2.0)
    angles |= _arms(rng, time, count, [_ON_LAP, _ON_LAP, _GESTURE, _GESTURE, _TO_FACE, _REACH])
    return motion


def reaching(rng: np.random.Generator, time: np.ndarray, count: int) -> Motion:
    """Reaching high and low with one or both hands; trunk and head follow, one foot stands forward."""
    motion = _standing(rng, time, count)
    angles = motion.angles
    low, high = [_REACH, _REACH, _HANGING], [_HANGING, _HANGING, _GESTURE]
    leading = rng.random((count, 1))
    for side, threshold in (("l", leading < 0.6), ("r", leading > 0.4)):
        angles |= _mixed(threshold, _arm(rng, time, count, side, low), _arm(rng, time, count, side, high))
    seconds = 1.3
    stoop = _through(rng, time, rng.uniform(-0.3, 1.0, (count, _num_keys(time, seconds))), seconds).clip(0.0)
    tilt = stoop * _between(rng, count, 5, 45)
    angles["pelvis_tilt"] += tilt
    flexion = stoop * _between(rng, count, 5, 30)
    angles["trunk_flexion"] += flexion
    angles["trunk_twist"] += _between(rng, count, -18, 18) + _drift(rng, time, count, 8.0)
    angles["trunk_bend"] += _between(rng, count, -12, 12) + _drift(rng, time, count, 6.0)
    stride = _between(rng, count, -15, 15)
    for side, sign in SIDES.items():
        yielding = stoop * _between(rng, count, 0, 30)
        angles[f"{side}_knee_flexion"] += yielding
        angles[f"{side}_hip_flexion"] += tilt + 0.5 * yielding + sign * stride
        raised = angles[f"{side}_shoulder_raise"]
        # A hanging arm stays vertical when the trunk leans; the further it reaches out, the less it does so.
        angles[f"{side}_shoulder_raise"] = raised + (tilt + flexion) * np.clip(1 - raised / 90, 0, 1)
    return motion


def squatting(rng: np.random.Generator, time: np.ndarray, count: int) -> Motion:
    """Squatting down and rising; the knees move forwards over the feet while the trunk leans forwards."""
    motion = _standing(rng, time, count)
    angles = motion.angles
    swing = 2 * np.pi * (_between(rng, count, 0.2, 0.45) * time + _between(rng, count, 0, 1))
    depth = 0.5 - 0.5 * np.cos(swing + 0.5 * np.sin(swing))
    knee = depth * _between(rng, count, 60, 120)
    tilt = depth * _between(rng, count, 8, 32)
    angles["pelvis_tilt"] += tilt
    angles["trunk_flexion"] += depth * _between(rng, count, 0, 14)
    stride = _between(rng, count, -14, 14) * (rng.random((count, 1)) < 0.4)
    for side, sign in SIDES.items():
        angles[f"{side}_knee_flexion"] += knee
        # The shank leans forwards by about a quarter of the knee's angle, so the thigh rises by the rest.
        angles[f"{side}_hip_flexion"] += _between(rng, count, 0.70, 0.78) * knee + tilt + sign * stride
        angles[f"{side}_hip_abduction"] += depth * _between(rng, count, 0, 16) + _between(rng, count, 0, 6)
        angles[f"{side}_hip_rotation"] += depth * _between(rng, count, 0, 14)
    balancing = _arms(rng, time, count, [_BALANCE])
    angles |= _mixed(rng.random((count, 1)) < 0.5, balancing, _arms(rng, time, count, [_HANGING, _GESTURE, _ON_LAP]))
    return motion


def turning(rng: np.random.Generator, time: np.ndarray, count: int) -> Motion:
    """Turning about on the spot with small steps, the head first, the arms free to gesture."""
    motion = _standing(rng, time, count)
    angles = motion.angles
    seconds = np.ptp(time) * _between(rng, count, 0.6, 1.0)
    share = (time - (np.ptp(time) - seconds) * _between(rng, count, 0, 1)) / np.maximum(seconds, 1e-6)
    turn = _between(rng, count, 50, 220) * rng.choice([-1.0, 1.0], (count, 1))
    early = turn * (_ease(share + 0.12) - _ease(share))  # How far the gaze is ahead of the feet.
    angles["neck_twist"] += 0.9 * early
    angles["trunk_twist"] += 0.5 * early
    inside = np.clip(share, 0.0, 1.0)
    stepping = 16 * (inside * (1 - inside)) ** 2  # The turn's speed relative to its fastest.
    phase = 2 * np.pi * (_between(rng, count, 0.8, 1.3) * time + _between(rng, count, 0, 1))
    for side, offset in (("r", 0.0), ("l", np.pi)):
        lift = stepping * _between(rng, count, 15, 35) * _pulse(phase + offset, 0.5, 2.0)
        angles[f"{side}_hip_flexion"] += lift
        angles[f"{side}_knee_flexion"] += 1.8 * lift
        angles[f"{side}_hip_abduction"] += 0.2 * lift
        angles[f"{side}_hip_rotation"] += stepping * 12 * np.sin(phase + offset)
    angles["pelvis_list"] += stepping * 3 * np.sin(phase)
    angles |= _arms(rng, time, count, [_HANGING, _GESTURE, _GESTURE, _ON_HIP, _TO_FACE, _REACH])
    return dataclasses.replace(motion, heading=motion.heading + turn * _ease(share))


ACTIVITIES: dict[str, Callable[[np.random.Generator, np.ndarray, int], Motion]] = {
    activity.__name__: activity for activity in (walking, sitting, reaching, squatting, turning)
}
"""{name: activity}; every activity takes a generator, times [T] in seconds and a number of clips."""
