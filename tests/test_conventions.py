"""Claims: joints are found by name, synthesised ones are means with the least confidence, nothing is guessed."""

import dataclasses

import numpy as np
import pytest

from tf_elepose.conventions import conversion
from tf_elepose.skeletons import H36M_17, H36M_17_ELEPOSE, Skeleton

DETECTED = Skeleton(
    name="five",
    joints=("l_hip", "r_hip", "neck", "l_wrist", "r_wrist"),
    parents=("neck", "neck", None, "neck", "neck"),
    left=("l_hip", "l_wrist"),
    right=("r_hip", "r_wrist"),
    root="neck",
    head="l_hip",
)
WANTED = Skeleton(
    name="four",
    joints=("pelvis", "neck", "r_wrist", "l_wrist"),
    parents=(None, "pelvis", "neck", "neck"),
    left=("l_wrist",),
    right=("r_wrist",),
    root="pelvis",
    head="neck",
)
PELVIS = {"pelvis": ("l_hip", "r_hip")}


def test_joints_are_found_by_name_and_missing_ones_are_means():
    poses = np.array([[[0, 0], [4, 2], [10, 11], [20, 21], [30, 31]]], np.float32)
    expected = [[[2, 1], [10, 11], [30, 31], [20, 21]]]
    found = conversion(DETECTED, WANTED, PELVIS)
    np.testing.assert_array_equal(found.apply(poses), expected)
    np.testing.assert_allclose(found.matrix @ poses, expected)


def test_a_synthesised_joint_is_as_certain_as_its_least_certain_source():
    confidence = np.array([[0.9, 0.2, 0.5, 0.6, 0.7]], np.float32)
    np.testing.assert_array_equal(
        conversion(DETECTED, WANTED, PELVIS).apply_confidence(confidence), np.float32([[0.2, 0.5, 0.7, 0.6]])
    )


def test_elepose_order_and_back_is_exact_and_swaps_the_arms():
    poses = np.random.default_rng(0).normal(size=(5, 17, 3)).astype(np.float32)
    there = conversion(H36M_17, H36M_17_ELEPOSE).apply(poses)
    np.testing.assert_array_equal(there[:, 11:14], poses[:, 14:17])  # Right arm first.
    np.testing.assert_array_equal(conversion(H36M_17_ELEPOSE, H36M_17).apply(there), poses)


@pytest.mark.parametrize(
    ("synthesised", "message"),
    [
        ({}, "has no pelvis; say which"),
        ({"pelvis": ("l_hip", "hip")}, r"'pelvis' is made of \['l_hip', 'hip'\]"),
        ({"pelvis": ()}, "is made of"),
        ({**PELVIS, "tail": ("neck",)}, "tail are not joints of the target"),
    ],
)
def test_what_cannot_be_converted_is_named(synthesised, message):
    with pytest.raises(ValueError, match=message):
        conversion(DETECTED, WANTED, synthesised)


def test_the_same_names_in_one_order_change_nothing():
    renamed = dataclasses.replace(H36M_17, name="copy")
    poses = np.random.default_rng(1).normal(size=(2, 17, 2)).astype(np.float32)
    np.testing.assert_array_equal(conversion(H36M_17, renamed).apply(poses), poses)
