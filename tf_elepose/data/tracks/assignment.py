"""Finds the best pairs of rows and columns; each row and each column is in one pair at most."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np


def assign(gains: np.ndarray) -> list[tuple[int, int]]:
    """Finds the pairs (row, column) with the largest total gain.

    Args:
      gains: [n, m]; a row and a column whose gain is 0 or less are never a pair.
    """
    best = np.argmax(gains, axis=1).tolist()
    if len(set(best)) == len(best):  # Nearly always each row has a best column of its own.
        return [(row, column) for row, column in enumerate(best) if gains[row, column] > 0.0]
    pairs: list[tuple[int, int]] = []
    for rows, columns in _apart(gains > 0.0):
        part = gains[np.ix_(rows, columns)]
        if len(rows) == 1:
            pairs.append((rows[0], columns[int(np.argmax(part[0]))]))
        elif len(columns) == 1:
            pairs.append((rows[int(np.argmax(part[:, 0]))], columns[0]))
        else:
            pairs += [(rows[row], columns[column]) for row, column in _best(part)]
    return pairs


def _apart(possible: np.ndarray) -> list[tuple[list[int], list[int]]]:
    """Yields rows and columns of each connected part of the possible pairs [n, m]; each part can be solved alone."""
    partners = [np.flatnonzero(row).tolist() for row in possible]
    rows_of = [np.flatnonzero(column).tolist() for column in possible.T]
    met: set[int] = set()
    parts = []
    for first, columns_of_first in enumerate(partners):
        if first in met or not columns_of_first:
            continue
        rows, columns, waiting = [first], list[int](), [first]
        met.add(first)
        known: set[int] = set()
        while waiting:
            for column in partners[waiting.pop()]:
                if column not in known:
                    known.add(column)
                    columns.append(column)
                    new = [row for row in rows_of[column] if row not in met]
                    met.update(new)
                    rows += new
                    waiting += new
        parts.append((sorted(rows), sorted(columns)))
    return parts


def _best(gains: np.ndarray) -> list[tuple[int, int]]:
    """Finds the pairs of a connected part by the Hungarian method with potentials (Kuhn 1955, Munkres 1957)."""
    turned = gains.shape[0] > gains.shape[1]
    costs = -np.maximum(gains, 0.0)
    pairs = _complete((costs.T if turned else costs).tolist())
    pairs = [(column, row) for row, column in pairs] if turned else pairs
    return [(row, column) for row, column in pairs if gains[row, column] > 0.0]


def _complete(costs: Sequence[Sequence[float]]) -> list[tuple[int, int]]:
    """Finds a column for each row with the least total cost; there are at least as many columns as rows.

    Rows are added one by one. Each takes the chain of changes that ends at a free column and is cheapest in reduced
    costs c[i][j] - u[i] - v[j] >= 0. The code uses plain Python numbers, because tables are small.
    """
    n, m = len(costs), len(costs[0])
    u, v = [0.0] * n, [0.0] * m
    owner = [-1] * m
    for new in range(n):
        least, before, done = [math.inf] * m, [-1] * m, [False] * m
        row, column = new, -1
        while True:
            step, nearest = math.inf, -1
            for j in range(m):
                if done[j]:
                    continue
                reduced = costs[row][j] - u[row] - v[j]
                if reduced < least[j]:
                    least[j], before[j] = reduced, column
                if least[j] < step:
                    step, nearest = least[j], j
            u[new] += step
            for j in range(m):
                if done[j]:
                    u[owner[j]] += step
                    v[j] -= step
                else:
                    least[j] -= step
            column = nearest
            done[column] = True
            row = owner[column]
            if row < 0:
                break
        while column >= 0:
            owner[column] = owner[before[column]] if before[column] >= 0 else new
            column = before[column]
    return [(row, column) for column, row in enumerate(owner) if row >= 0]
