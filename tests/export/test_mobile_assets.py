"""Claims: python -m export.mobile writes the bundle's model, its names, and a demo clip."""

import json
import shutil

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from small_bundle import CONVENTION, seen_poses, small_assets, small_bundle
from small_runs import Command

from export.mobile import __main__ as command_module
from export.mobile import demo
from export.mobile.assets import write_assets
from export.mobile.plain_outputs import with_plain_outputs
from tf_elepose.skeleton import conventions
from tf_elepose.skeleton.conversion import conversion
from tf_elepose.skeleton.skeletons import H36M_17

# The converters warn about their own use of deprecated interfaces.
pytestmark = pytest.mark.filterwarnings("ignore")


def runner(path):
    return Interpreter(model_path=str(path), num_threads=1).get_signature_runner()


def inputs(frame):
    points = np.array([point or [0, 0, 0] for point in frame], np.float32)
    return {
        "keypoints": points[np.newaxis, :, :2],
        "confidence": points[np.newaxis, :, 2],
        "root_head_mm": np.zeros(1, np.float32),
    }


def test_outputs_are_equal_with_valid_as_a_number():
    before = runner(small_bundle() / "tflite" / "lift_full_float32.tflite")
    after = runner(small_assets() / "model" / "lift_full_float32.tflite")
    said = []
    for frame in seen_poses(6, len(conventions.get_convention(CONVENTION).joints)):
        want, got = before(**inputs(frame)), after(**inputs(frame))
        assert got["valid"].dtype == np.uint8
        for name, values in want.items():
            np.testing.assert_array_equal(got[name], values)
        said.append(int(got["valid"][0]))
    assert said == [1, 1, 1, 1, 1, 0]


def test_a_model_without_booleans_is_not_changed():
    data = (small_assets() / "model" / "lift_full_float32.tflite").read_bytes()
    assert with_plain_outputs(data) is data


def test_skeleton_has_the_facts_of_the_bundle():
    facts = json.loads((small_assets() / "model" / "skeleton.json").read_text())
    described = json.loads((small_bundle() / "metadata.json").read_text())
    for name in ("fingerprint", "convention", "keypoints", "axes", "units", "min_confidence"):
        assert facts[name] == described[name]
    assert facts["outputs"] == described["outputs"]["lift_full"]
    assert facts["joints"] == described["skeleton"]["joints"] == list(H36M_17.joints)
    assert [tuple(bone) for bone in facts["bones"]] == list(H36M_17.bones)


@pytest.mark.parametrize("name", ["h36m_17_elepose", "coco_17", "mediapipe_33", "body_25", "mpii_16"])
def test_the_clip_is_the_synthetic_people_in_any_convention(name):
    convention = conventions.get_convention(name)
    clip = demo.clip(name, convention.joints)
    assert clip["joints"] == list(convention.joints)
    points = np.array([[point or [np.nan] * 2 for point in frame] for frame in clip["frames"]])
    whole = demo.clip("h36m_17", H36M_17.joints)
    people = np.array(whole["frames"])
    assert not np.isnan(people).any() and len(people) == 3 * 75
    rule = conversion(convention, H36M_17)
    back = rule.apply(points)
    assert np.isnan(back).any(axis=(0, 2)).tolist() == [joint in rule.missing for joint in H36M_17.joints]
    # Joints of equal names are equal; one made of them (a thorax between the shoulders) is near.
    off = np.nanmax(np.abs(back - people), axis=(0, 2))
    named = [j for j, recipe in enumerate(rule.recipes) if recipe == {H36M_17.joints[j]: 1.0}]
    assert len(named) >= 12 and off[named].max() == 0 and np.nanmax(off) < 25
    assert np.isnan(off[H36M_17.index("head")]) or off[H36M_17.index("head")] < 0.11


def test_the_clip_of_an_own_convention_has_the_joints_with_equal_names():
    clip = demo.clip("mine", ["nose", "tail", "l_knee"])
    assert [point is None for point in clip["frames"][0]] == [False, True, False]


def test_the_command(tmp_path, monkeypatch, capsys):
    command = Command(command_module, monkeypatch, capsys)
    output = tmp_path / "assets"
    status, out, err = command(f"--bundle={small_bundle()}", f"--output={output}", "--precision=float32")
    assert status == 0 and "17 keypoints of coco_17 in\n17 joints of h36m_17 out\n" in out, err
    assert {p.name for p in output.rglob("*") if p.is_file()} == {
        "lift_full_float32.tflite", "skeleton.json", "demo.json", "PoseSkeleton.kt", "PoseSkeleton.swift",
    }  # fmt: skip
    for flags, message in (
        ((f"--output={output}",), "expected a new or an empty folder"),
        ((f"--output={tmp_path / 'a'}", "--precision=int4"), "has no tflite/lift_full_int4.tflite; of that signature"),
        (
            (f"--output={tmp_path / 'a'}", "--signature=likelihood"),
            "expected a signature that gives poses, lift_full; got",
        ),
    ):
        assert message in command.refuses(f"--bundle={small_bundle()}", *flags)
    assert "metadata.json" in command.refuses(f"--bundle={tmp_path}", f"--output={tmp_path / 'a'}")
    assert not (tmp_path / "a").exists()


def test_a_file_of_another_export_is_refused(tmp_path):
    shutil.copytree(small_bundle(), tmp_path / "bundle")
    path = tmp_path / "bundle" / "tflite" / "lift_full_float32.tflite"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(ValueError, match="checksum differs"):
        write_assets(tmp_path / "bundle", tmp_path / "out", precision="float32")
    assert not (tmp_path / "out").exists()


def test_metadata_with_other_keypoints_than_the_file_are_refused(tmp_path):
    shutil.copytree(small_bundle(), tmp_path / "bundle")
    described = json.loads((tmp_path / "bundle" / "metadata.json").read_text())
    described["keypoints"].pop()
    (tmp_path / "bundle" / "metadata.json").write_text(json.dumps(described))
    with pytest.raises(ValueError, match="expected inputs and outputs"):
        write_assets(tmp_path / "bundle", tmp_path / "out", precision="float32")
