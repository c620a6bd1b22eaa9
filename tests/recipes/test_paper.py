"""The differences of configs from their papers are complete, and `paper_only` leaves none that is an addition."""

import numpy as np
import pytest
from ml_collections import config_dict

from tf_elepose import default_config
from tf_elepose.methods.registry import METHODS
from tf_elepose.nn.canonical_lifter import CanonicalLifter
from tf_elepose.nn.flow import RealNVP
from tf_elepose.nn.lifters import DepthElevationLifter
from tf_elepose.nn.pose_statistics import PoseStatistics
from tf_elepose.recipes.paper import differences, paper_of, paper_only, ungrouped

PAPERS = {name: paper_of(name) for name, row in METHODS.items() if row.follows_paper}
PAPER_CONFIGS = {
    "elepose": default_config.get_paper_config,
    "canonpose": default_config.get_canonpose_paper_config,
    "svmac": default_config.get_svmac_paper_config,
}


def flat(config, prefix=""):
    for key, value in config.items():
        if isinstance(value, config_dict.ConfigDict):
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


@pytest.mark.parametrize("name", PAPERS)
@pytest.mark.parametrize("kind", ["default", "paper"])
def test_every_setting_is_in_a_group(name, kind):
    """A new setting must be listed as the paper's, an addition or the user's; otherwise it would not be reported."""
    config = METHODS[name].default_config() if kind == "default" else PAPER_CONFIGS[name]()
    assert ungrouped(config, PAPERS[name]) == []
    with config.unlocked():
        config.a_new_setting = 1
    assert ungrouped(config, PAPERS[name]) == ["a_new_setting"]


@pytest.mark.parametrize("name", PAPERS)
def test_no_setting_is_in_two_groups(name):
    paper = PAPERS[name]
    for setting in (*paper.stated, *paper.program):
        assert paper.addition(setting) is None and not paper.is_open(setting), setting


@pytest.mark.parametrize("name", PAPERS)
def test_additions_of_the_default_are_reported_and_switched_off(name):
    config = METHODS[name].default_config()
    on = {
        setting
        for setting, value in flat(config)
        if (addition := PAPERS[name].addition(setting)) is not None and value != addition.off
    }
    text = differences(config)
    reported = {line.split(" = ")[0].strip() for line in text.split("Different")[0].splitlines() if " = " in line}
    assert reported == on and len(on) > 4
    changed = paper_only(config)
    assert changed is config and "On, and not in the paper" not in differences(config)
    METHODS[name].settings(config)  # Every value that switches something off is one that the settings take.


@pytest.mark.parametrize("name", PAPERS)
def test_a_paper_config_has_the_values_that_its_paper_states(name):
    config = paper_only(PAPER_CONFIGS[name]())
    if name == "elepose":
        config.bone_prior = "skeleton"
    assert "Different from the paper" not in differences(config)


def test_a_setting_unlike_the_papers_is_named_with_both_values():
    config = default_config.get_authors_config()
    config.lifter.optimizer.learning_rate = 0.01
    assert differences(config).splitlines() == [
        "ElePose (CVPR 2022): differences of this config",
        "Different from the paper:",
        "  lifter.arch = 'code': the paper has 'paper'; as the authors' program",
        "  lifter.optimizer.learning_rate = 0.01: the paper has 0.0002; this package's choice",
        "  prior.layers = 1: the paper has 2; as the authors' program",
    ]


def test_methods_without_such_a_paper_say_which_have_one():
    config = default_config.get_supervised_config()
    for ask in (differences, paper_only):
        with pytest.raises(
            ValueError, match="method 'supervised': follows no paper to the letter; the methods that do"
        ):
            ask(config)


def weights(*variables):
    return sum(int(np.prod(variable.shape)) for variable in variables)


def test_the_authors_networks_have_the_sizes_of_their_programs():
    """The numbers of weights that the published programs print (ElePose's flow and lifter, CanonPose's lifter)."""
    config = default_config.get_authors_config()
    prior = config.prior
    flow = RealNVP(prior.bases, blocks=prior.blocks, width=prior.width, layers=prior.layers, seed=0)
    flow.build((None, prior.bases))
    lifter = DepthElevationLifter(17, arch=config.lifter.arch, input_deviation=1.0, width=config.lifter.width)
    lifter.build()
    assert weights(*lifter.trainable_variables) == 10_550_290
    statistics = PoseStatistics(np.zeros(32, np.float32), np.eye(32, dtype=np.float32), 1.0)
    canonical = CanonicalLifter(16, 6, statistics, confidences=True, width=1024)
    canonical.build()
    assert weights(*canonical.trainable_variables) == 10_598_451
    assert weights(*flow.trainable_variables) == 328_304
