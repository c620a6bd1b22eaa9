"""Options of every source as one frozen thing; what load_source makes of wrong ones is in test_sources.py."""

import dataclasses

import pytest
from stick_people import turning

from tf_elepose.data import corrections, sources
from tf_elepose.data.source_options import SourceOptions


def test_options_of_every_source_are_told_from_the_readers_own():
    common, own = sources.split_options({"flip_y": True, "convention": "coco_17", "test_subjects": "S1"})
    assert common == SourceOptions(flip_y=True, test_subjects=("S1",)) and own == {"convention": "coco_17"}
    assert {"progress", *sources.common_options()} == {field.name for field in dataclasses.fields(common)}


def test_nothing_is_corrected_that_was_not_asked_for():
    recording = turning(rows=20)
    same = SourceOptions().corrected(recording)
    assert same is recording
    changed = SourceOptions(flip_y=True, swap_sides="arms", test_from=5).corrected(recording)
    expected = corrections.swap_sides(corrections.flip_y(recording), "arms")
    assert (changed.poses_2d == expected.poses_2d).all()
    assert ((changed.split == "test") == (recording.frame >= 5)).all()


def test_they_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        SourceOptions().check = "off"


def test_a_stream_is_of_all_people():
    with pytest.raises(
        ValueError, match=r"'views:a\.npz': people: expected all for a source read in parts; got 'best'"
    ):
        sources.stream_source("views:a.npz", turning(rows=2).skeleton, people="best")
