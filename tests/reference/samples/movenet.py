"""A small npz file of MoveNet's multipose output: two people, nobody, one of them; rows of nobody fill up to six."""

import pathlib

import numpy as np

WIDTH, HEIGHT = 1000, 500


def pose(x: float) -> np.ndarray:
    """[17, 2] px: joint i stands at (x + i, 100 + 10 i)."""
    return np.array([(x + i, 100.0 + 10 * i) for i in range(17)])


def output(points: np.ndarray, size: tuple[int, int] = (WIDTH, HEIGHT), score: float = 0.5) -> np.ndarray:
    """[..., 17, 3] y, x, score as shares of points [..., 17, 2] px."""
    shares = (points / size)[..., ::-1]
    return np.concatenate([shares, np.full((*shares.shape[:-1], 1), score)], axis=-1)


def multipose(people: list[np.ndarray], scores: list[float]) -> np.ndarray:
    """[6, 56] of people [17, 2] px and their scores; the remaining rows belong to nobody."""
    rows = np.full((6, 56), 0.01)
    for row, points, score in zip(rows, people, scores, strict=False):
        row[:51], row[51:55], row[55] = output(points).ravel(), (0.1, 0.2, 0.9, 0.4), score
    return rows


def write(folder: pathlib.Path) -> tuple[str, dict]:
    """Writes a sample into `folder`; returns its SOURCE and the options to read it with."""
    frames = [multipose([pose(200), pose(400)], [0.75, 0.5]), multipose([], []), multipose([pose(410)], [0.5])]
    np.savez(folder / "walk.npz", output_0=np.array(frames, np.float32)[:, np.newaxis])
    return f"movenet:{folder / 'walk.npz'}", {"image_size": [WIDTH, HEIGHT]}
