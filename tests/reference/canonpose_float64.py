"""CanonPose's objective written a second time, from the paper, in float64 NumPy: one moment at a time, view by view.

Nothing here calls the package. The lifter is a dictionary of weights as `PoseModel.saved_variables` names them;
rotations come from the exponential series of the cross-product matrix, not from Rodrigues' formula.
"""

import math

import numpy as np

LEAKY_SLOPE = 0.01


def rotation(vector):
    """exp(K), K w = vector x w, by its series."""
    x, y, z = np.asarray(vector, np.float64)
    K = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    total, power = np.eye(3), np.eye(3)
    for n in range(1, 60):
        power = power @ K / n
        total = total + power
    return total


class Lifter:
    """The lifting network; `weights` by names like "lifter/pose_0/first/kernel"."""

    def __init__(self, weights, root, confidences):
        self.weights, self.root, self.confidences = weights, root, confidences

    def _dense(self, name, x):
        return x @ self.weights[f"lifter/{name}/kernel"] + self.weights[f"lifter/{name}/bias"]

    def _block(self, name, x):
        h = _leaky(self._dense(f"{name}/first", x))
        return x + _leaky(self._dense(f"{name}/second", h))

    def __call__(self, W, c):
        """X [J, 3] and R of one view [J, 2] with confidences [J]."""
        W = np.asarray(W, np.float64)
        flat = W.reshape(-1) / math.sqrt((W**2).sum()) * math.sqrt(W.size)
        if self.confidences:
            flat = np.concatenate([flat, np.asarray(c, np.float64) - 1.0])
        h = self._block("shared_0", self._dense("upscale", flat))
        pose = turn = h
        for i in range(2):
            pose, turn = self._block(f"pose_{i}", pose), self._block(f"rotation_{i}", turn)
        X = self._dense("pose_head", pose).reshape(-1, 3)
        return X - X[self.root], rotation(self._dense("rotation_head", turn))


def _leaky(x):
    return np.where(x > 0, x, LEAKY_SLOPE * x)


def L_rep(W, W_rep, c):
    """Eq. 5 and 6 of one view; joints of confidence 0 are left out, also in the norms."""
    there = np.asarray(c) > 0
    W, W_rep, c = W[there].astype(np.float64), W_rep[there], np.asarray(c, np.float64)[there]
    difference = W / np.sqrt((W**2).sum()) - W_rep / np.sqrt((W_rep**2).sum())
    return sum(c_i * (abs(x) + abs(y)) for c_i, (x, y) in zip(c, difference, strict=True))


def projected(R, X):
    """Eq. 1 with joints as rows."""
    return np.array([(R @ joint)[:2] for joint in X])


def terms(lifter, W, c, partner, backward_knees):
    """All terms of moment s' = W [V, J, 2] with confidences c [V, J], where a view without any is missing; `partner` is
    (W, c) of the moment s whose rotations it borrows.
    """
    views = [v for v in range(len(W)) if np.any(c[v] > 0)]
    X, R = zip(*(lifter(w, c_v) if np.any(c_v > 0) else (None, None) for w, c_v in zip(W, c, strict=True)), strict=True)
    other = [v for v in range(len(W)) if np.any(partner[1][v] > 0)]
    R_s = [lifter(w, c_v)[1] if v in other else None for v, (w, c_v) in enumerate(zip(*partner, strict=True))]
    shared = [v for v in views if v in other]
    pairs = [(v, w) for v in views for w in views if v != w]
    borrowed = [(v, w) for v in shared for w in shared if v != w]
    camera, rotations = [], []
    for v, w in borrowed:
        R_vw = R_s[w] @ R_s[v].T  # Eq. 7.
        camera.append(L_rep(W[w], projected(R_vw @ R[v], X[v]), c[w]))  # Eq. 8.
        rotations.append(((R[w] @ R[v].T - R_vw) ** 2).sum())
    return {
        "reprojection": _mean([L_rep(W[v], projected(R[v], X[v]), c[v]) for v in views]),
        "view": _mean([L_rep(W[w], projected(R[w], X[v]), c[w]) for v, w in pairs]),
        "camera": _mean(camera),
        "knees": _mean([backward_knees(X[v]) for v in views]),
        "pose_equality": _mean([((X[v] - X[w]) ** 2).sum() for v, w in pairs]),
        "camera_equality": _mean(rotations),
    }


def _mean(values):
    return sum(values) / len(values) if values else 0.0
