"""Tables of lifted poses: named columns, empty where not known."""

import csv

import numpy as np
import pytest
from lifted_samples import lifted, posing

from tf_elepose.outputs.csv import write_csv
from tf_elepose.skeleton.skeletons import H36M_17


def rows(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_column_is_named_after_its_joint_and_axis(tmp_path):
    given = lifted(posing(3) / 700, unit="unit", axes="level", clip=np.array(["a", "b,c", 'd"\n']))
    write_csv(tmp_path / "a.csv", [given])
    read = rows(tmp_path / "a.csv")
    for row, pose in zip(read, given.poses_3d, strict=True):
        for joint in H36M_17.joints:
            found = [float(row[f"{joint}_{axis}"]) for axis in "xyz"]
            np.testing.assert_allclose(found, pose[H36M_17.index(joint)], atol=5.1e-6)
    assert [row["clip"] for row in read] == ["a", "b,c", 'd"\n']
    assert {(row["unit"], row["axes"], row["valid"], row["subject"]) for row in read} == {("unit", "level", "1", "S1")}
    assert not {"percentile", "elevation_deg"} & set(read[0])


def test_an_unknown_number_is_an_empty_cell(tmp_path):
    given = lifted(posing(2), percentile=np.array([12.346, np.nan]), elevation=np.array([-0.001, 7.0]),
                   valid=np.array([True, False]))  # fmt: skip
    write_csv(tmp_path / "a.csv", [given])
    read = rows(tmp_path / "a.csv")
    assert [(row["percentile"], row["elevation_deg"], row["valid"]) for row in read] == [
        ("12.35", "0.0", "1"), ("", "7.0", "0"),
    ]  # fmt: skip
    assert "nan" not in (tmp_path / "a.csv").read_text()


def test_a_table_without_poses_is_a_header(tmp_path):
    write_csv(tmp_path / "a.csv", [lifted(posing(1)).select([])])
    assert (tmp_path / "a.csv").read_text().count("\n") == 1


def test_an_error_in_the_parts_leaves_the_earlier_file(tmp_path):
    def parts():
        yield lifted(posing(2))
        raise ValueError("cannot be lifted")

    (tmp_path / "a.csv").write_text("before")
    with pytest.raises(ValueError, match="cannot be lifted"):
        write_csv(tmp_path / "a.csv", parts())
    assert [path.read_text() for path in tmp_path.iterdir()] == ["before"]
