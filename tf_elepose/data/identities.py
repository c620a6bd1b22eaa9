"""Names what the number of a person can mean."""

from __future__ import annotations

import numpy as np

PERSON, TRACK, PLACE = "person", "track", "place"
IDENTITIES = (PERSON, TRACK, PLACE)
"""What equal numbers mean, from most to least. PERSON: the same person in all cameras of a clip. TRACK: the same person
in the clip of one camera; numbers of different cameras are not related. PLACE: the same place in the list of people of
a frame, which does not say who it is."""


def least(identities: np.ndarray) -> str:
    """Returns the one of `identities` that means the least; PERSON where there are none."""
    return next((name for name in reversed(IDENTITIES) if (identities == name).any()), PERSON)
