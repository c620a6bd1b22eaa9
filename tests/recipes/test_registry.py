"""From a config to its method: a new loss term that is off does not keep old configs from being used."""

import pytest

from tf_elepose.methods.registry import METHODS
from tf_elepose.recipes import config_parts, registry
from tf_elepose.recipes.config_parts import ADDED_LATER
from tf_elepose.recipes.elepose import config as elepose

DEFAULT = elepose.get_config


def _with_depth(weight):
    config = DEFAULT()
    config.lifter.term_weights.depth = weight
    return config


def test_a_term_that_is_off_by_default_may_be_left_out(monkeypatch):
    monkeypatch.setattr(elepose, "get_config", lambda: _with_depth(0.0))
    config = DEFAULT().lock()
    row = registry.method_of(config)
    assert config.lifter.term_weights.depth == 0.0 and config.is_locked
    assert row.settings(config).lifter.term_weights["depth"] == 0.0
    stated = _with_depth(2.0)
    registry.method_of(stated)
    assert stated.lifter.term_weights.depth == 2.0


def test_a_term_that_is_on_by_default_may_not(monkeypatch):
    monkeypatch.setattr(elepose, "get_config", lambda: _with_depth(1.0))
    with pytest.raises(ValueError, match=r"missing lifter\.term_weights\.depth"):
        registry.method_of(DEFAULT())


def test_a_setting_of_a_later_version_has_the_value_of_before_where_a_config_lacks_it():
    config = DEFAULT()
    with config.unlocked():
        del config.test_poses_2d
    registry.method_of(config.lock())
    assert config.test_poses_2d == "same" and config.is_locked
    config.test_poses_2d = "gt"
    registry.method_of(config)
    assert config.test_poses_2d == "gt"


def test_a_model_is_evaluated_on_the_poses_that_its_config_says():
    for stated, expected in (
        ({}, "gt"),
        ({"test_poses_2d": "same"}, "gt"),
        ({"test_poses_2d": "detected"}, "detected"),
    ):
        assert config_parts.evaluated_kind({"poses_2d": "gt", **stated}) == expected


@pytest.mark.parametrize("setting", ADDED_LATER)
def test_a_setting_of_a_later_version_does_by_default_what_was_done_before(setting):
    """A default that changes what old configs do must have another name."""
    found = set()
    for row in METHODS.values():
        place = row.default_config()
        for part in setting.split("."):
            place = place.get(part) if place is not None else None
        found |= set() if place is None else {place}
    assert found == {ADDED_LATER[setting]}
