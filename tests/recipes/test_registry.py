"""From a config to its method: a new loss term that is off does not keep old configs from being used."""

import pytest

from tf_elepose.recipes import registry
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
