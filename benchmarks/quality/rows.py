"""A row of a table of results: one trained model; and the table."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Row:
    """One trained model.

    Attributes:
      label: rows of one label are seeds of one thing.
      config: the file it is trained with.
      overrides: what is changed in it, as on the command line.
      seed: of the training.
      variant: what else makes it another training, for its folder's name.
      hidden: overrides that belong to `variant` and are not named one by one.
    """

    label: str
    config: str
    overrides: tuple[str, ...] = ()
    seed: int = 0
    variant: str = ""
    hidden: tuple[str, ...] = ()

    @property
    def arguments(self) -> tuple[str, ...]:
        """All that follows --config on the command line."""
        return (*self.overrides, *self.hidden, f"--config.seed={self.seed}")


@dataclasses.dataclass(frozen=True)
class Table:
    """Rows to train, and what is shown of them.

    Attributes:
      rows: in the order in which they are trained.
      columns: keys of metrics.json; those that no row has are not shown.
      timed: False where rows may be trained beside other work: their seconds say nothing and are left out.
      own_data: the rows are about the data of their configs; such tables are not among "all".
    """

    rows: tuple[Row, ...]
    columns: tuple[str, ...] = (
        "pa_mpjpe_mm", "n_mpjpe_mm", "n_mpjpe_norm_ratio_mm", "pck_150", "depth_correlation", "elevation_mean_deg",
        "elevation_mean_true_deg", "elevation_correlation", "nll_pa_spearman", "training_seconds",
    )  # fmt: skip
    timed: bool = True
    own_data: bool = False
