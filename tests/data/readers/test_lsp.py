import numpy as np
import pytest
import scipy.io
from samples import lsp, lspet

from tf_elepose.data.readers.lsp import read_lsp, read_lspet
from tf_elepose.data.sources import load_source
from tf_elepose.skeleton.skeletons import H36M_17

PLACES = {
    "root": (100, 150), "l_shoulder": (116, 105), "r_shoulder": (84, 105), "r_ankle": (85, 240), "l_wrist": (123, 158),
    "thorax": (100, 102), "head": (100, 80),
}  # fmt: skip


@pytest.mark.parametrize("sample", [lsp, lspet])
def test_joints_stand_where_they_do_in_the_file(sample, tmp_path):
    recording = load_source(sample.write(tmp_path)[0], H36M_17)
    row = np.flatnonzero(recording.frame == 14)[0]  # 14 is a multiple of 7.
    for joint, place in PLACES.items():
        assert recording.poses_2d[row, H36M_17.index(joint)].tolist() == pytest.approx(place), joint


def test_occluded_joints_of_lsp_are_known(tmp_path):
    recording = load_source(lsp.write(tmp_path)[0], H36M_17)
    assert recording.confidence is None
    missing = np.array(H36M_17.joints)[~recording.visible.all(axis=0)]
    assert missing.tolist() == ["nose"]  # LSP has none.


def test_the_second_thousand_of_lsp_is_for_testing(tmp_path):
    recording = load_source(lsp.write(tmp_path)[0], H36M_17)
    assert recording.frame.tolist() == list(range(1, lsp.IMAGES + 1))
    assert recording.of_split("train").frame.tolist() == list(range(1, 1001))
    assert recording.of_split("test").frame.tolist() == [1001, 1002]


def test_unlabelled_joints_of_lspet_are_missing_whatever_their_numbers(tmp_path):
    recording = load_source(lspet.write(tmp_path)[0], H36M_17)
    first = recording.visible[recording.frame == 1][0]
    assert [j for j, seen in zip(H36M_17.joints, first, strict=True) if not seen] == ["r_ankle", "nose"]
    assert set(recording.split.tolist()) == {"train"}


def test_images_with_too_few_labelled_joints_are_dropped_and_the_others_keep_their_numbers(tmp_path):
    recording = load_source(lspet.write(tmp_path)[0], H36M_17)
    assert recording.frame.tolist() == [1, *range(3, lspet.IMAGES + 1)]
    assert recording.dropped == {"with fewer than 6 joints": 1}


def test_error_about_the_other_format_names_the_right_one(tmp_path):
    path = lsp.write(tmp_path)[0].partition(":")[2]
    with pytest.raises(ValueError, match=r"expected \[14, 3, n\]; got \[3, 14, 1002\], the layout of lsp:PATH$"):
        list(read_lspet(path))
    path = lspet.write(tmp_path)[0].partition(":")[2]
    with pytest.raises(ValueError, match=r"expected \[3, 14, n\]; got \[14, 3, 20\], the layout of lspet:PATH$"):
        list(read_lsp(path))


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"poses": np.zeros((3, 14, 2))}, "missing joints; it holds poses"),
        ({"joints": np.zeros((3, 14))}, r"joints: expected \[3, 14, n\]; got \[3, 14\]$"),
        ({"joints": np.zeros((3, 16, 5))}, r"joints: expected \[3, 14, n\]; got \[3, 16, 5\]$"),
        ({"joints": "text"}, r"joints: expected \[3, 14, n\]; got \[1, 4\]$"),
        ({"joints": np.zeros((3, 14, 2), complex)}, "joints: expected real numbers; got complex double"),
    ],
)
def test_wrong_variables_are_named(tmp_path, variables, message):
    scipy.io.savemat(tmp_path / "joints.mat", variables)
    with pytest.raises(ValueError, match=rf"^lsp file .*joints\.mat: {message}"):
        list(read_lsp(tmp_path / "joints.mat"))
