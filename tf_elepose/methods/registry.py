"""The methods by name, one row each: model, config, settings and run.

The parts are names of modules and are not imported here: this file lies below all of them, and no method, and not
TensorFlow either, is loaded before it is used. How to add a method: docs/extending.md.
"""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ml_collections import ConfigDict

    from tf_elepose.methods.pose_model import PoseModel


@dataclasses.dataclass(frozen=True)
class Row:
    """The places of a method's parts.

    Attributes:
      model: class of the trained model, a `PoseModel`.
      recipe: package of the method's recipe; there are config.py with `get_config`, settings.py with `from_config`, and
        run.py.
      run: class of the run in run.py.
      takes_shards: whether the method can be trained on more poses than fit into memory.
      quick: {setting: toy value} for a run that only shows that every part works; its results mean nothing. Empty for
        a method that learns from another method's model.
      follows_paper: whether the recipe has paper.py, which lists what the method's paper states and what this package
        adds.
    """

    model: str
    recipe: str
    run: str
    takes_shards: bool = False
    quick: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    follows_paper: bool = False

    def model_class(self) -> type[PoseModel]:
        """The class of the trained model."""
        module, _, name = self.model.rpartition(".")
        return getattr(importlib.import_module(module), name)

    def default_config(self) -> ConfigDict:
        """The method's config: every setting with its default."""
        return importlib.import_module(f"{self.recipe}.config").get_config()

    def settings(self, config: ConfigDict) -> Any:
        """The typed settings that a config states."""
        return importlib.import_module(f"{self.recipe}.settings").from_config(config)

    def run_class(self) -> Callable[..., Any]:
        """The class of the method's run."""
        return getattr(importlib.import_module(f"{self.recipe}.run"), self.run)


_TOY = {"width": 32, "batch_size": 128, "epochs": 4.0}


def _toy(*stages: str) -> dict[str, Any]:
    return {f"{stage}.{key}": value for stage in stages for key, value in _TOY.items()}


METHODS = {
    "elepose": Row(
        model="tf_elepose.methods.elepose.ElePose",
        recipe="tf_elepose.recipes.elepose",
        run="EleposeRun",
        takes_shards=True,
        quick={"completer.epochs": 0.0, **_toy("prior", "lifter")},
        follows_paper=True,
    ),
    "links": Row(
        model="tf_elepose.methods.links.LInKs",
        recipe="tf_elepose.recipes.links",
        run="LinksRun",
        quick={"completer.epochs": 0.0, **_toy("prior", "lifter", "filler")},
    ),
    "distilled": Row(
        model="tf_elepose.methods.distilled.Distilled",
        recipe="tf_elepose.recipes.distilled",
        run="DistilledRun",
    ),
    "supervised": Row(
        model="tf_elepose.methods.supervised.Supervised",
        recipe="tf_elepose.recipes.supervised",
        run="SupervisedRun",
        quick=_toy("lifter"),
    ),
    "canonpose": Row(
        model="tf_elepose.methods.canonpose.CanonPose",
        recipe="tf_elepose.recipes.canonpose",
        run="CanonposeRun",
        quick={"lifter.width": 32, "lifter.batch_size": 32, "lifter.epochs": 4.0},
        follows_paper=True,
    ),
    "svmac": Row(
        model="tf_elepose.methods.svmac.SVMAC",
        recipe="tf_elepose.recipes.svmac",
        run="SvmacRun",
        quick={"generator.critic_width": 32, **_toy("generator")},
        follows_paper=True,
    ),
}
"""{name of the method in `config.method` and in model files: its parts}."""
