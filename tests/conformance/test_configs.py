"""Claims: every config loads, is complete, makes a run, and states its command, result and time."""

import importlib.util
import pathlib
import re

import pytest
from ml_collections import config_dict
from samples import h36m, mpi_inf_3dhp, pw3d, skipose

from tf_elepose.data.sources import load_source
from tf_elepose.methods.registry import METHODS
from tf_elepose.recipes import config_parts, registry
from tf_elepose.skeleton.skeletons import get_skeleton

FOLDER = pathlib.Path(__file__).parents[2] / "configs"
CONFIGS = sorted(FOLDER.glob("*.py"))


def _loaded(path):
    spec = importlib.util.spec_from_file_location(f"config_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _flat(config, prefix=""):
    for key, value in config.items():
        if isinstance(value, config_dict.ConfigDict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def test_there_are_configs():
    assert {"quickstart.py", "cmu.py"} <= {path.name for path in CONFIGS}


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_a_config_has_all_settings_and_no_others(path):
    config = _loaded(path).get_config()
    default = dict(_flat(METHODS[config.method].default_config()))
    settings = dict(_flat(config))
    # Which options there are depends on the chosen schedule and reader.
    chosen = re.compile(r"data_options\..*|\w+\.optimizer\.(warmup|floor|decay|epochs|factor)")
    fixed = {key for key in default if not chosen.fullmatch(key)}
    assert fixed <= set(settings)
    assert not {key for key in settings if key not in fixed and not chosen.fullmatch(key)}
    for key in fixed:
        assert type(settings[key]) is type(default[key]), key


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_a_config_makes_a_run(path):
    config = _loaded(path).get_config()
    row = registry.method_of(config)
    settings = row.settings(config)
    assert callable(row.run_class())
    stages = [part for part in config.values() if isinstance(part, config_dict.ConfigDict) and "batch_size" in part]
    assert stages and all(stage.batch_size % 2 == 0 for stage in stages)
    if config.method != "elepose":
        return
    assert settings.prior_stage.epochs > 0 and settings.lifter_stage.epochs > 0


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_each_call_makes_a_new_config(path):
    module = _loaded(path)
    first = module.get_config()
    first.seed = 99
    assert module.get_config().seed != 99


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_a_config_states_its_command_result_and_time(path):
    text = _loaded(path).__doc__ or ""
    assert f"python -m tf_elepose.train --config=configs/{path.name} --workdir=" in text
    assert re.search(r"^Expected: .*\b(mm|half|degrees)\b", text, re.MULTILINE), "the error to expect"
    assert re.search(r"^Time: .*\d+ (seconds|minutes|hours)\b", text, re.MULTILINE), "the time and the machine"


SAMPLES = {"h36m": h36m, "mpi_inf_3dhp": mpi_inf_3dhp, "3dpw": pw3d, "skipose": skipose}
ON_DATA_SETS = [path for path in CONFIGS if _loaded(path).get_config().data.partition(":")[0] in SAMPLES]


@pytest.mark.parametrize("path", ON_DATA_SETS, ids=lambda path: path.stem)
def test_a_config_of_a_data_set_reads_files_of_its_layout(path, tmp_path):
    """With the options that the config states, both splits have poses."""
    config = _loaded(path).get_config()
    source, _ = SAMPLES[config.data.partition(":")[0]].write(tmp_path)
    recording = load_source(source, get_skeleton(config.skeleton), check="off", **config.data_options.to_dict())
    assert set(recording.split) == {"train", "test"}
    for kind in {config.poses_2d, config_parts.evaluated_kind(config)}:
        assert len(recording.view(kind)) == len(recording)
