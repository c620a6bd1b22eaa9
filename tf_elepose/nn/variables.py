"""Variables by name, as files and checkpoints store them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras


def named_variables(networks: Mapping[str, keras.Model]) -> dict[str, Any]:
    """Every variable of `networks` by a name that a rebuilt network gives it again.

    Raises:
      ValueError: two variables share a name, so they could not be told apart in a file.
    """
    named: dict[str, Any] = {}
    for network in networks.values():
        for variable in network.variables:
            if variable.path in named:
                raise ValueError(f"two variables are called {variable.path!r}; layers need names of their own")
            named[variable.path] = variable
    return named
