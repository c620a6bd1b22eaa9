"""What a person's number tells."""

from __future__ import annotations

import numpy as np

PERSON, TRACK, PLACE = "person", "track", "place"
IDENTITIES = (PERSON, TRACK, PLACE)
"""From most to least: PERSON, who it is, in all cameras of a clip; TRACK, who it is in the clip of one camera, while
the numbers of different cameras have nothing to do with each other; PLACE, only the place in the list of people of one
frame, which says nothing about the next frame."""


def least(identities: np.ndarray) -> str:
    """The one of all `identities` that tells the least; PERSON where there are none."""
    return next((name for name in reversed(IDENTITIES) if (identities == name).any()), PERSON)
