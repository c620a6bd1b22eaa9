import pytest

from tf_elepose.data.readers.views import write_views
from tf_elepose.data.sources import load_source
from tf_elepose.skeletons import H36M_17

SMALL = {"subjects": 2, "takes": 1, "frames": 2, "cameras": 1, "test_fraction": 0.5}


def test_synthetic_takes_options():
    recording = load_source("synthetic", H36M_17, **SMALL)
    assert len(recording) == 2 * 5 * 2  # Subjects, activities, frames.


def test_a_path_starts_at_the_current_directory(tmp_path, monkeypatch):
    write_views(tmp_path / "own.npz", load_source("synthetic", H36M_17, **SMALL))
    monkeypatch.chdir(tmp_path)
    assert len(load_source("views:own.npz", H36M_17)) == 20


@pytest.mark.parametrize("source", ["mocap:file.npz", "views", "synthetic:file.npz", "", "file.npz"])
def test_an_unknown_format_lists_the_known_ones(source):
    with pytest.raises(ValueError, match=r"unknown source .*: expected one of synthetic, views:PATH"):
        load_source(source, H36M_17)


def test_a_format_needs_a_path():
    with pytest.raises(ValueError, match="source 'views:': expected a path after the colon"):
        load_source("views:", H36M_17)


def test_unknown_options_are_named_with_the_known_ones():
    with pytest.raises(ValueError, match=r"'synthetic': unknown option clips; options are .*subjects.*takes"):
        load_source("synthetic", H36M_17, clips=3)
    with pytest.raises(ValueError, match=r"unknown option seed; options are none"):
        load_source("views:file.npz", H36M_17, seed=3)
