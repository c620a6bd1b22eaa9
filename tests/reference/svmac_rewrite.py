"""SVMAC's equations written once more, in NumPy and float64, one pose at a time; what test_svmac.py compares."""

import numpy as np


def rotation(theta):
    """Eq. 7, as the paper has it: poses are rows and stand left of it."""
    c, s = np.cos(theta), np.sin(theta)
    return np.array([[c, 0, -s], [0, 1, 0], [s, 0, c]])


def turn(X_pred, theta, c):
    """Eq. 8, of a pose [N, 3] at the camera's distance c."""
    return (X_pred - [0, 0, c]) @ rotation(theta) + [0, 0, c]


def pose_at(x, depths, c, root):
    """Eq. 1 and 2: X_pred [N, 3] of x [N, 2]."""
    offset = np.array(depths, np.float64)
    offset[root] = 0.0
    Z = np.maximum(offset + c, 1.0)
    return np.stack([x[:, 0] * Z, x[:, 1] * Z, Z], axis=-1)


def squared(a, b):
    return np.sum((a - b) ** 2) / len(a)


def lifting(X_again, X_rot):
    """Eq. 11, of lists over i = 1 .. n - 1."""
    return sum(squared(a, b) for a, b in zip(X_again, X_rot, strict=True)) / len(X_rot)


def equal_cameras(K):
    """Eq. 12, of all n cameras."""
    n, total = len(K), 0.0
    for i in range(n):
        for j in range(i + 1, n):
            total += np.sum(np.abs(K[i] - K[j])) / 6
    return 2 / (n * (n - 1)) * total


def consistency(x, X, K, c):
    """Eq. 13-15: x and X of every angle, all cameras; poses are seen about their root."""
    n, total = len(X), 0.0
    for i in range(n):
        P = [x[i]] + [(K[a] @ (X[i] - [0, 0, c]).T).T for a in range(n)]
        for a in range(len(P)):
            for b in range(a + 1, len(P)):
                total += squared(P[a], P[b]) / len(P)
    return total / n


def weak_camera(K):
    """Eq. 17-19, of all cameras."""
    total = 0.0
    for one in K:
        s = np.sqrt(np.trace(one @ one.T) / 2)
        total += np.sqrt(np.sum((one @ one.T / s**2 - np.eye(2)) ** 2))
    return total


def symmetry(X, pairs):
    """Eq. 21: pairs of bones, each bone (child, parent) by index."""

    def length(bone):
        return np.linalg.norm(X[bone[0]] - X[bone[1]])

    return sum((length(left) - length(right)) ** 2 for left, right in pairs) / len(pairs)


def angle(X, nose, neck, left, right):
    """Eq. 23."""
    v, w = X[nose] - X[neck], X[left] - X[right]
    return max(0.0, (v[2] * w[0] - v[0] * w[2]) / (np.linalg.norm(v) * np.linalg.norm(w)))
