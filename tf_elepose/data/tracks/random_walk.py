"""Integrated random walks observed with errors: the Kalman filter and a smoother, for many walks at once.

A coordinate's velocity changes at random; the variance of the change in a time t is proportional to t. The coordinate
is observed with independent errors. Its best estimate from all observations is the cubic smoothing spline (Wahba, J. R.
Stat. Soc. B 40, 1978).
"""

from __future__ import annotations

import numpy as np

ANYWHERE = 1e6
"""Variance of an unknown position or velocity, relative to the usual one of the errors."""


def expected(
    places: np.ndarray, seen: np.ndarray, steps: np.ndarray, error: np.ndarray, change: np.ndarray, usual: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The Kalman filter: predicts each pose from those before it.

    A joint's walk begins where it is first seen: what would be known of it before that is not worked out, because over
    a long time the variance of an unknown place grows until nothing is left of the digits of the others.

    Args:
      places: [S, T, J, 2] positions in S stretches of T poses; any finite numbers where not `seen` [S, T, J].
      steps: [S, T] time since the pose before.
      error: [S, T, J] variances of the errors; any positive numbers where not seen.
      change: [S, J], or a shape that broadcasts to it: variance of the change of a velocity in a step.
      usual: [J] or [S, J] usual variance of an error, which `ANYWHERE` multiplies.

    Returns:
      covariance [S, T, J, 3]: the variance of the position, its covariance with the velocity, the variance of the
      velocity; mean [S, T, J, 2, 2] of position and velocity (last but one axis); innovation [S, T, J, 2], the position
      minus its prediction, 0 where not seen.
    """
    shape = seen.shape
    covariance, mean = np.empty((*shape, 3)), np.empty((*shape, 2, 2))
    innovation = np.empty(places.shape)
    place, velocity = np.zeros((2, *places[:, 0].shape))
    pp = vv = ANYWHERE * np.broadcast_to(usual, error[:, 0].shape)
    pv = np.zeros_like(pp)
    times = _times(seen, steps)
    for t in range(shape[1]):
        if t:
            dt = times[:, t]
            place = place + dt[..., np.newaxis] * velocity
            pp = pp + dt * (2 * pv + dt * vv) + change * dt**3 / 3
            pv = pv + dt * vv + change * dt**2 / 2
            vv = vv + change * dt
        covariance[:, t, :, 0], covariance[:, t, :, 1], covariance[:, t, :, 2] = pp, pv, vv
        mean[:, t, :, 0], mean[:, t, :, 1] = place, velocity
        innovation[:, t] = np.where(seen[:, t, :, np.newaxis], places[:, t] - place, 0.0)
        gain = seen[:, t] / (pp + error[:, t])
        keep = np.where(seen[:, t], error[:, t] * gain, 1.0)  # 1 - gain pp, which would lose digits.
        place = place + (gain * pp)[..., np.newaxis] * innovation[:, t]
        velocity = velocity + (gain * pv)[..., np.newaxis] * innovation[:, t]
        pp, pv, vv = keep * pp, keep * pv, vv - gain * pv * pv
    return covariance, mean, innovation


def smoothed(
    places: np.ndarray, seen: np.ndarray, steps: np.ndarray, error: np.ndarray, change: np.ndarray, usual: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The Rauch-Tung-Striebel smoother, in the form of Bryson and Frazier (Applied Optimal Control, 1975).

    This form inverts no matrix.

    Args: those of `expected`.

    Returns:
      mean [S, T, J, 2] and variance [S, T, J] of the positions, given all seen ones; before a joint is first seen,
      those of its first place.
    """
    covariance, mean, innovation = expected(places, seen, steps, error, change, usual)
    times = _times(seen, steps)
    smooth, variance = np.empty(places.shape), np.empty(seen.shape)
    # The information of the poses after t about the state at t: a slope for position and velocity, and its variances.
    a, b = np.zeros((2, *places[:, 0].shape))
    aa = ab = bb = np.zeros(seen[:, 0].shape)
    for t in reversed(range(seen.shape[1])):
        pp, pv, _ = np.moveaxis(covariance[:, t], -1, 0)
        gain = seen[:, t] / (pp + error[:, t])
        keep, leak = np.where(seen[:, t], error[:, t] * gain, 1.0), -gain * pv
        # From the state given the poses up to t: its variances are small, those of the prediction are huge at first,
        # and what is left of the difference of two huge numbers has few digits.
        position, velocity = keep * pp, keep * pv
        place = mean[:, t, :, 0] + (gain * pp)[..., np.newaxis] * innovation[:, t]
        smooth[:, t] = place - position[..., np.newaxis] * a - velocity[..., np.newaxis] * b
        variance[:, t] = position - (position * (position * aa + 2 * velocity * ab) + velocity * velocity * bb)
        a = keep[..., np.newaxis] * a + leak[..., np.newaxis] * b - gain[..., np.newaxis] * innovation[:, t]
        aa, ab = gain + keep * (keep * aa + 2 * leak * ab) + leak * leak * bb, keep * ab + leak * bb
        dt = times[:, t]
        b = b + dt[..., np.newaxis] * a
        ab, bb = ab + dt * aa, bb + dt * (2 * ab + dt * aa)
    return smooth, variance


def _times(seen: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """`steps` for each joint [S, T, J], 0 until it has been seen."""
    return steps[..., np.newaxis] * (np.cumsum(seen, axis=1) > seen)
