import dataclasses
import functools
import logging

import numpy as np
import pytest
from samples import views as sample
from stick_people import turning

from tf_elepose.data import corrections, sources
from tf_elepose.data.readers.views import write_views
from tf_elepose.data.recording import concatenate
from tf_elepose.data.sources import load_source, stream_source
from tf_elepose.skeleton.skeletons import H36M_17

SMALL = {"subjects": 2, "takes": 1, "frames": 2, "cameras": 1, "test_fraction": 0.5}


@pytest.fixture
def swapped(tmp_path) -> str:
    """SOURCE of a file whose arms are swapped, in 2D and 3D."""
    write_views(tmp_path / "swapped.npz", corrections.swap_sides(turning(), "arms"))
    return f"views:{tmp_path / 'swapped.npz'}"


@pytest.fixture
def clean(tmp_path) -> str:
    write_views(tmp_path / "clean.npz", turning())
    return f"views:{tmp_path / 'clean.npz'}"


@pytest.fixture
def warnings_logged(caplog):
    """What was logged as a warning; absl's logger does not hand its messages on by itself."""
    logger = logging.getLogger("absl")
    before, logger.propagate = logger.propagate, True
    with caplog.at_level(logging.WARNING, "absl"):
        yield lambda: [record.getMessage() for record in caplog.records]
    logger.propagate = before


def test_synthetic_takes_options():
    recording = load_source("synthetic", H36M_17, **SMALL)
    assert len(recording) == 2 * 5 * 2  # Subjects, activities, frames.
    (part,) = stream_source("synthetic", H36M_17, **SMALL)
    np.testing.assert_array_equal(part.poses_2d, recording.poses_2d)


def test_a_path_starts_at_the_current_directory(tmp_path, monkeypatch):
    write_views(tmp_path / "own.npz", turning(rows=20))
    monkeypatch.chdir(tmp_path)
    assert len(load_source("views:own.npz", H36M_17)) == 20


@pytest.mark.parametrize("load", [load_source, stream_source])
@pytest.mark.parametrize("source", ["mocap:file.npz", "views", "synthetic:file.npz", "", "file.npz"])
def test_an_unknown_format_lists_the_known_ones(source, load):
    with pytest.raises(ValueError, match=r"unknown source .*: expected one of synthetic, views:PATH, h36m:PATH"):
        load(source, H36M_17)


def test_a_format_needs_a_path():
    with pytest.raises(ValueError, match="source 'views:': expected a path after the colon"):
        load_source("views:", H36M_17)


def test_unknown_options_are_named_with_the_known_ones():
    with pytest.raises(ValueError, match=r"'synthetic': unknown option clips; options are .*subjects.*takes.*flip_y"):
        load_source("synthetic", H36M_17, clips=3)
    known = "convention, people, min_joints, fps, flip_y, swap_sides, test_from, test_subjects, check"
    # A name that the function itself uses is no option either.
    for load, name in ((load_source, "seed"), (load_source, "source"), (stream_source, "skeleton")):
        with pytest.raises(
            ValueError, match=rf"^source 'views:file\.npz': unknown option {name}; options are {known}$"
        ):
            load("views:file.npz", H36M_17, **{name: 3})


@pytest.mark.parametrize("load", [load_source, stream_source])
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"flip_y": "yes"}, "flip_y: expected true or false; got 'yes'"),
        ({"swap_sides": True}, "swap_sides: expected one of none, arms, legs, both; got True"),
        ({"swap_sides": ["arms"]}, r"swap_sides: expected one of none, arms, legs, both; got \['arms'\]"),
        ({"check": "loud"}, "check: expected one of warn, strict, off; got 'loud'"),
        ({"min_joints": 0}, "min_joints: expected an integer from 1; got 0"),
        ({"min_joints": "six"}, "min_joints: expected an integer from 1; got 'six'"),
        ({"progress": 3}, "progress: expected a function; got 3"),
        ({"test_subjects": 1}, "test_subjects: expected names of people, in quotes if they are numbers; got 1"),
        ({"test_subjects": ["a", 2]}, "test_subjects: expected names of people, .*; got "),
        ({"test_subjects": "a", "test_from": 3}, "test_from=3 and test_subjects=a: give one of them"),
    ],
)
def test_wrong_options_are_told_before_anything_is_read(load, options, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        load("views:gone.npz", H36M_17, **options)


def test_a_format_whose_library_is_missing_says_so(monkeypatch):
    monkeypatch.setitem(sources.READERS, "odd", "no_such_module.read_odd")
    with pytest.raises(ValueError, match=r"format 'odd' needs tf_elepose\.data\.readers\.no_such_module, which is "):
        load_source("odd:file", H36M_17)


@pytest.mark.parametrize("name", sources.READERS)
def test_every_reader_has_named_options_only_and_says_what_it_reads(name):
    reader = sources.get_reader(name)
    assert not set(sources.reader_options(reader)) & set(sources.common_options())
    assert reader.__doc__


# ---- corrections and checks ------------------------------------------------------------------------------------------


def test_what_looks_wrong_is_logged_a_line_each(swapped, warnings_logged):
    load_source(swapped, H36M_17)
    (line,) = warnings_logged()
    assert "swapped.npz: poses_2d, poses_3d: arms and legs disagree" in line and "--option=swap_sides=arms" in line
    assert "\n" not in line


def test_the_correction_sets_it_right(swapped, clean, warnings_logged):
    mended = load_source(swapped, H36M_17, swap_sides="arms")
    assert not warnings_logged()
    np.testing.assert_array_equal(mended.poses_2d, load_source(clean, H36M_17).poses_2d)
    flipped = load_source(clean, H36M_17, flip_y=True, check="off")
    np.testing.assert_allclose(flipped.poses_2d[..., 1], 1000 - mended.poses_2d[..., 1], rtol=1e-5)
    assert not warnings_logged()


def test_strict_makes_all_findings_one_error(swapped):
    with pytest.raises(
        ValueError, match=r"swapped\.npz: .*the y axis looks flipped.*; poses_2d, poses_3d: arms"
    ) as error:
        load_source(swapped, H36M_17, flip_y=True, check="strict")
    assert "\n" not in str(error.value)
    load_source(swapped, H36M_17, check="strict", swap_sides="arms")


def test_a_correction_that_is_itself_wrong_is_to_be_left_out(clean):
    with pytest.raises(ValueError, match=r"arms and legs disagree.*; leave out --option=swap_sides=legs$"):
        load_source(clean, H36M_17, swap_sides="legs", check="strict")
    with pytest.raises(ValueError, match=r"looks flipped.*; leave out --option=flip_y=true$"):
        load_source(clean, H36M_17, flip_y=True, check="strict")


def test_synthetic_data_are_corrected_and_checked_too():
    with pytest.raises(ValueError, match=r"^synthetic: .*flipped"):
        load_source("synthetic", H36M_17, flip_y=True, check="strict", **(SMALL | {"frames": 20}))


def test_a_stream_is_corrected_in_every_part_and_warns_once(swapped, clean, warnings_logged, monkeypatch):
    monkeypatch.setattr("tf_elepose.data.readers.views._PART_ROWS", 50)
    parts = list(stream_source(swapped, H36M_17))
    assert [len(part) for part in parts] == [50] * 4
    assert len(warnings_logged()) == 1
    told = []
    mended = list(stream_source(swapped, H36M_17, swap_sides="arms", progress=lambda *state: told.append(state)))
    assert len(warnings_logged()) == 1 and told == [(50, 0.25), (100, 0.5), (150, 0.75), (200, 1.0)]
    whole = load_source(clean, H36M_17).poses_2d
    np.testing.assert_array_equal(np.concatenate([part.poses_2d for part in mended]), whole)
    with pytest.raises(ValueError, match="arms and legs disagree"):
        list(stream_source(swapped, H36M_17, check="strict"))
    monkeypatch.setattr("tf_elepose.data.sources._MANY_ROWS", 50)
    with pytest.raises(ValueError, match="arms and legs disagree"):
        next(stream_source(swapped, H36M_17, check="strict"))  # Before anything is done with a long part.


@pytest.mark.parametrize("part_rows", [100, 1 << 16])
@pytest.mark.parametrize(("turned", "tells"), [(1, False), (4, True)])
def test_parts_are_judged_as_the_whole_is(tmp_path, warnings_logged, monkeypatch, part_rows, turned, tells):
    """A finding needs a twentieth of the clips: `turned` of 30 clips stand on their heads."""
    clips = [turning(rows=100, cameras=1, clip=np.full(100, f"{number:02d}")) for number in range(30)]
    clips = [corrections.flip_y(clip) if number < turned else clip for number, clip in enumerate(clips)]
    write_views(tmp_path / "a.npz", functools.reduce(concatenate, clips))
    monkeypatch.setattr("tf_elepose.data.readers.views._PART_ROWS", part_rows)
    parts = list(stream_source(f"views:{tmp_path}/a.npz", H36M_17))
    assert sum(map(len, parts)) == 3000
    assert [text for text in warnings_logged() if "flipped" in text] == warnings_logged()
    assert bool(warnings_logged()) == tells


def test_a_joint_that_one_part_has_is_not_missing(tmp_path, warnings_logged, monkeypatch):
    monkeypatch.setattr("tf_elepose.data.readers.views._PART_ROWS", 50)
    shown = turning(rows=200, cameras=1)
    for known, told in ((150, 0), (200, 1)):
        visible = np.ones((200, 17), bool)
        visible[:known, H36M_17.index("nose")] = False
        write_views(tmp_path / "a.npz", dataclasses.replace(shown, visible=visible))
        list(stream_source(f"views:{tmp_path}/a.npz", H36M_17))
        assert len([text for text in warnings_logged() if "no pose has nose" in text]) == told


def test_people_and_progress_are_handed_on(tmp_path):
    source, _ = sample.write(tmp_path)
    told = []
    recording = load_source(source, H36M_17, people="best", check="off", progress=lambda *state: told.append(state))
    assert len(recording) == 6 and told == [(6, 1.0)]
    with pytest.raises(ValueError, match=r"people: expected all, best, .*; got 'none'"):
        load_source(source, H36M_17, people="none")


@pytest.mark.parametrize("given", ["S2", ["S2"], ("S1", "S2")])
@pytest.mark.parametrize("streamed", [False, True])
def test_one_leaves_people_out_for_the_test(given, streamed):
    whole = load_source("synthetic", H36M_17, subjects=3, takes=1, frames=4)
    names = sorted(set(whole.subject.tolist()))
    wanted = names[1] if given == "S2" else names[1:2] if len(given) == 1 else tuple(names[:2])
    options = {"subjects": 3, "takes": 1, "frames": 4, "test_subjects": wanted}
    if streamed:
        (left_out,) = stream_source("synthetic", H36M_17, **options)
    else:
        left_out = load_source("synthetic", H36M_17, **options)
    of_test = set(left_out.subject[left_out.split == "test"].tolist())
    assert of_test == ({wanted} if isinstance(wanted, str) else set(wanted))
    assert not of_test & set(left_out.subject[left_out.split == "train"].tolist())
    np.testing.assert_array_equal(left_out.poses_2d, whole.poses_2d)


@pytest.mark.parametrize("load", [load_source, lambda *a, **k: list(stream_source(*a, **k))])
def test_nobody_of_that_name(load):
    with pytest.raises(ValueError, match="synthetic: test_subjects: nobody is called Ann; there are "):
        load("synthetic", H36M_17, subjects=3, takes=1, frames=4, test_subjects="Ann")
