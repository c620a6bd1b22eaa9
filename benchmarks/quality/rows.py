"""A row of a table of results: one trained model; and the table."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Row:
    """One trained model.

    Attributes:
      label: name in the table; rows with the same label differ only in their seed.
      config: the config file.
      overrides: changes to the config, as on the command line.
      seed: the training's seed.
      variant: name of further changes, part of the folder's name.
      hidden: the overrides of `variant`, which the folder's name does not list.
    """

    label: str
    config: str
    overrides: tuple[str, ...] = ()
    seed: int = 0
    variant: str = ""
    hidden: tuple[str, ...] = ()

    @property
    def arguments(self) -> tuple[str, ...]:
        """The command line after --config."""
        return (*self.overrides, *self.hidden, f"--config.seed={self.seed}")


@dataclasses.dataclass(frozen=True)
class Table:
    """Rows to train, and the columns to show.

    Attributes:
      rows: in training order.
      columns: keys of metrics.json; keys that no row has are not shown.
      timed: False if other work may run during the trainings: their seconds are then left out.
      own_data: the rows need the data of their own configs; such tables are not among "all".
    """

    rows: tuple[Row, ...]
    columns: tuple[str, ...] = (
        "pa_mpjpe_mm", "n_mpjpe_mm", "n_mpjpe_norm_ratio_mm", "pck_150", "depth_correlation", "elevation_mean_deg",
        "elevation_mean_true_deg", "elevation_correlation", "nll_pa_spearman", "training_seconds",
    )  # fmt: skip
    timed: bool = True
    own_data: bool = False
