"""Lines of JSON become poses, or dead letters with the reason."""

import json
import re

import numpy as np
import pytest

pytest.importorskip("pyarrow", reason="pyarrow is not installed: pip install 'tf_elepose[beam]'")

from tf_elepose.batch import json_lines
from tf_elepose.batch.block import Unit
from tf_elepose.skeleton.conventions import get_convention

COCO, H36M = get_convention("coco_17"), get_convention("h36m_17")
POSE = np.arange(34.0).reshape(17, 2).tolist()


def read(tmp_path, *lines, convention=H36M):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"\n".join(line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines))
    return list(json_lines.read_lines(Unit(str(path), 0), convention))


def test_poses_of_several_conventions_keep_their_rows_and_names(tmp_path):
    gap = [[None, None], *POSE[1:]]
    (stretch,) = read(
        tmp_path,
        {"poses_2d": POSE, "id": 7, "clip": "a", "camera": 2, "person": 1, "frame": 9},
        {"poses_2d": gap, "convention": "COCO-17", "confidence": [0.5] * 17},
        b"",
        {"poses_2d": POSE},
    )
    assert stretch.ids.to_pylist()[0] == {
        "row": 0, "id": "7", "subject": "", "clip": "a", "camera": 2, "person": 1, "frame": 9,
    }  # fmt: skip
    assert stretch.ids["row"].to_pylist() == [0, 1, 3] and stretch.ids["frame"].to_pylist() == [9, 1, 3]
    plain, coco = stretch.keypoints
    assert plain.convention == H36M and plain.rows.tolist() == [0, 2] and plain.confidence is None
    np.testing.assert_array_equal(plain.poses_2d, np.float32([POSE, POSE]))
    assert coco.convention == COCO and coco.rows.tolist() == [1] and (coco.confidence == 0.5).all()
    assert np.isnan(coco.poses_2d[0, 0]).all() and not np.isnan(coco.poses_2d[0, 1:]).any()


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ({"poses_2d": POSE[:-1]}, r"expected \[17, 2\] for h36m_17; got shape \[16, 2\]"),
        ({"poses_2d": [[1, 2, 3]] * 17}, r"expected \[17, 2\] for h36m_17; got shape \[17, 3\]"),
        ({"poses_2d": [*POSE[:-1], 5]}, r"expected \[17, 2\]"),
        ({"poses_2d": {"a": 1}}, r"expected \[17, 2\]"),
        ({}, "no poses_2d"),
        ({"poses_2d": [["1", 2.0], *POSE[1:]]}, "expected numbers or null"),
        ({"poses_2d": [[True, 2.0], *POSE[1:]]}, "expected numbers or null"),
        ({"poses_2d": [[10**400, 2.0], *POSE[1:]]}, "sensible size|not valid JSON"),
        ({"poses_2d": POSE, "confidence": [1.0] * 16}, r"confidence: expected \[17\]"),
        ({"poses_2d": POSE, "convention": "martian"}, "unknown convention 'martian'"),
        ({"poses_2d": POSE, "convention": "/etc/passwd.yaml"}, "unknown convention"),
        ({"poses_2d": POSE, "convention": 3}, "unknown convention 3"),
        ({"poses_2d": POSE, "frame": -1}, "frame: expected an integer from 0"),
        ({"poses_2d": POSE, "clip": 5}, "clip: expected text"),
        ({"poses_2d": [[float("nan"), 1.0], *POSE[1:]]}, "NaN is not JSON"),
        ([1, 2], "expected a JSON object; got list"),
        (b'{"poses_2d": [[1, 2], [', "not valid JSON"),
        (b"\xff\xfe", "not valid JSON"),
        (b"[" * 5000, "not valid JSON"),
        (b" " * (json_lines._LONGEST + 5) + b"1", "a line of more than"),
    ],
)
def test_a_bad_line_is_a_dead_letter_and_other_lines_are_read(tmp_path, line, reason):
    (stretch,) = read(tmp_path, {"poses_2d": POSE}, line, {"poses_2d": POSE})
    assert stretch.ids["row"].to_pylist() == [0, 2]
    (letter,) = stretch.letters
    assert letter.row == 1 and not letter.read
    assert re.search(reason, letter.reason), letter.reason


def test_without_any_convention_nothing_is_guessed(tmp_path):
    (stretch,) = read(tmp_path, {"poses_2d": POSE, "id": "x"}, convention=None)
    assert not len(stretch) and stretch.letters[0].id == "x"
    assert stretch.letters[0].reason.startswith("no convention: the record must name one")
