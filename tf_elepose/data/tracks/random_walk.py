"""Integrated random walks observed with errors: the Kalman filter and a smoother, for many walks at once.

A coordinate's velocity changes at random; the variance of the change in a time t is proportional to t. The coordinate
is observed with independent errors. Its best estimate from all observations is the cubic smoothing spline (Wahba, J. R.
Stat. Soc. B 40, 1978).
"""

from __future__ import annotations

import numpy as np

ANYWHERE = 1e6
"""Variance of an unknown position or velocity, relative to that of the errors."""


def expected(
    places: np.ndarray, seen: np.ndarray, steps: np.ndarray, error: np.ndarray, change: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The Kalman filter: predicts each pose from those before it.

    Args:
      places: [S, T, J, 2] positions in S stretches of T poses; any numbers where not `seen` [S, T, J].
      steps: [S, T] time since the pose before.
      error: [S, T, J] variances of the errors.
      change: [S, J], or a shape that broadcasts to it: variance of the change of a velocity in a step.

    Returns:
      covariance [S, T, J, 3]: the variance of the position, its covariance with the velocity, the variance of the
      velocity; mean [S, T, J, 2, 2] of position and velocity (last but one axis); innovation [S, T, J, 2], the position
      minus its prediction, 0 where not seen.
    """
    shape = seen.shape
    covariance, mean = np.empty((*shape, 3)), np.empty((*shape, 2, 2))
    innovation = np.empty(places.shape)
    place, velocity = np.zeros((2, *places[:, 0].shape))
    pp = vv = ANYWHERE * np.broadcast_to(error[:, 0], error[:, 0].shape)
    pv = np.zeros_like(pp)
    for t in range(shape[1]):
        if t:
            dt = steps[:, t, np.newaxis]
            place = place + dt[..., np.newaxis] * velocity
            pp = pp + dt * (2 * pv + dt * vv) + change * dt**3 / 3
            pv = pv + dt * vv + change * dt**2 / 2
            vv = vv + change * dt
        covariance[:, t, :, 0], covariance[:, t, :, 1], covariance[:, t, :, 2] = pp, pv, vv
        mean[:, t, :, 0], mean[:, t, :, 1] = place, velocity
        innovation[:, t] = np.where(seen[:, t, :, np.newaxis], places[:, t] - place, 0.0)
        gain = seen[:, t] / (pp + error[:, t])
        place = place + (gain * pp)[..., np.newaxis] * innovation[:, t]
        velocity = velocity + (gain * pv)[..., np.newaxis] * innovation[:, t]
        pp, pv, vv = pp - gain * pp * pp, pv - gain * pp * pv, vv - gain * pv * pv
    return covariance, mean, innovation


def smoothed(
    places: np.ndarray, seen: np.ndarray, steps: np.ndarray, error: np.ndarray, change: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The Rauch-Tung-Striebel smoother, in the form of Bryson and Frazier (Applied Optimal Control, 1975).

    This form inverts no matrix.

    Args: those of `expected`.

    Returns:
      mean [S, T, J, 2] and variance [S, T, J] of the positions, given all seen ones.
    """
    covariance, mean, innovation = expected(places, seen, steps, error, change)
    smooth, variance = np.empty(places.shape), np.empty(seen.shape)
    # What the poses from t on say about the prediction: a slope for position and velocity, and its variances.
    a, b = np.zeros((2, *places[:, 0].shape))
    aa = ab = bb = np.zeros(seen[:, 0].shape)
    for t in reversed(range(seen.shape[1])):
        pp, pv, _ = np.moveaxis(covariance[:, t], -1, 0)
        gain = seen[:, t] / (pp + error[:, t])
        keep, leak = 1.0 - gain * pp, -gain * pv
        a = keep[..., np.newaxis] * a + leak[..., np.newaxis] * b - gain[..., np.newaxis] * innovation[:, t]
        aa, ab = gain + keep * (keep * aa + 2 * leak * ab) + leak * leak * bb, keep * ab + leak * bb
        smooth[:, t] = mean[:, t, :, 0] - pp[..., np.newaxis] * a - pv[..., np.newaxis] * b
        variance[:, t] = pp - (pp * (pp * aa + 2 * pv * ab) + pv * pv * bb)
        dt = steps[:, t, np.newaxis]
        a, b = a, b + dt[..., np.newaxis] * a
        aa, ab, bb = aa, ab + dt * aa, bb + dt * (2 * ab + dt * aa)
    return smooth, variance
