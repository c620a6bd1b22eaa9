"""Seeds of the parts of a network from the seed of the whole."""

from __future__ import annotations

import numpy as np


def derive(seed: int, part: int) -> int:
    """A seed for part number `part`; unlike with seed + part, neighbouring seeds share no part's seed."""
    return int(np.random.SeedSequence([seed, part]).generate_state(1)[0]) % 2**31
