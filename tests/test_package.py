"""The package as a whole: cheap to import, whole, documented."""

import configparser
import importlib
import inspect
import pathlib
import pkgutil
import subprocess
import sys
from importlib import metadata

import pytest

import tf_elepose

MODULES = sorted(module.name for module in pkgutil.walk_packages(tf_elepose.__path__, "tf_elepose."))


def _imported(name):
    """The module; skips where it needs an extra that is not installed."""
    if name.startswith("tf_elepose.batch."):
        pytest.importorskip("apache_beam", reason="Apache Beam is not installed: pip install 'tf_elepose[beam]'")
    return importlib.import_module(name)


def test_the_list_of_modules_is_not_empty():
    assert {"tf_elepose.train", "tf_elepose.methods.elepose", "tf_elepose.data.readers.views"} <= set(MODULES)


@pytest.mark.parametrize("name", MODULES)
def test_a_module_imports_and_says_what_it_is(name):
    module = _imported(name)
    assert module.__doc__ and module.__doc__.strip()


def _public(module):
    """The classes and functions that a module defines under a public name."""
    for name, thing in vars(module).items():
        of_module = getattr(thing, "__module__", None) == module.__name__
        if of_module and not name.startswith("_") and (inspect.isclass(thing) or inspect.isfunction(thing)):
            yield name, thing


# What every command and config has; the module's own text says what it does.
_CONVENTIONAL = {"main", "define_flags", "get_config"}


@pytest.mark.parametrize("name", MODULES)
def test_public_classes_and_functions_are_documented(name):
    module = _imported(name)
    missing = [
        name for name, thing in _public(module) if name not in _CONVENTIONAL and not (thing.__doc__ or "").strip()
    ]
    assert not missing


def test_every_public_name_is_there_and_listed():
    assert sorted(tf_elepose.__all__) == sorted(tf_elepose._HOMES)
    for name in tf_elepose.__all__:
        thing = getattr(tf_elepose, name)
        assert name in dir(tf_elepose)
        assert thing.__module__ == f"tf_elepose.{tf_elepose._HOMES[name]}" if hasattr(thing, "__module__") else thing
    with pytest.raises(AttributeError, match="no attribute 'pose'"):
        _ = tf_elepose.pose


ROOT = pathlib.Path(__file__).parent.parent


def _stated():
    """The values in setup.cfg."""
    stated = configparser.ConfigParser(interpolation=None)
    stated.read_string((ROOT / "setup.cfg").read_text(encoding="utf-8"))
    return stated


def test_the_version_is_the_one_of_setup_cfg():
    assert tf_elepose.__version__ == _stated()["metadata"]["version"]
    assert "__version__" in dir(tf_elepose)


def test_outside_a_clone_the_version_is_that_of_what_is_installed(tmp_path, monkeypatch):
    monkeypatch.setattr(metadata, "version", {"tf_elepose": "4.5.6"}.__getitem__)
    assert tf_elepose._version(tmp_path / "setup.cfg") == "4.5.6"
    (tmp_path / "setup.cfg").write_text("[metadata]\nname = another\nversion = 7.0\n", encoding="utf-8")
    assert tf_elepose._version(tmp_path / "setup.cfg") == "4.5.6"


def test_a_copied_folder_has_no_version(tmp_path, monkeypatch):
    def version(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", version)
    assert tf_elepose._version(tmp_path / "setup.cfg") == "0+unknown"


def test_the_package_is_marked_as_typed():
    assert (ROOT / "tf_elepose" / "py.typed").is_file()
    assert "py.typed" in _stated()["options.package_data"]["tf_elepose"].split()


def test_importing_it_costs_nothing():
    """Less than 0.3 s, counted by the processor: the test's machine may be busy."""
    script = (
        "import sys, time; t = time.process_time(); import tf_elepose; t = time.process_time() - t; "
        "print(t, [name for name in ('tensorflow', 'keras', 'numpy', 'matplotlib') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    seconds, _, heavy = done.stdout.strip().partition(" ")
    assert float(seconds) < 0.3 and heavy == "[]"


def test_measures_and_skeletons_need_no_tensorflow():
    script = (
        "import sys; from tf_elepose import Skeleton, H36M_17; "
        "from tf_elepose.evaluation import alignment, evaluation, metrics; "
        "import tf_elepose.report.report; print('tensorflow' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
