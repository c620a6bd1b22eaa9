"""The command that lifts archives on Apache Beam: every record is lifted as `Lifter` lifts it, or a dead letter."""

import json
import pathlib

import numpy as np
import pytest
from in_process import Command, contents
from lifted_samples import posing

pytest.importorskip("apache_beam", reason="Apache Beam is not installed: pip install 'tf_elepose[beam]'")

import pyarrow.parquet as pq

from benchmarks.speed.batch_archive import read_letters, read_lifted, unaccounted, write_archive
from tf_elepose import batch_lift
from tf_elepose.batch import results
from tf_elepose.inference.lifter import Lifter
from tf_elepose.skeleton.skeletons import H36M_17
from tf_elepose.storage import files

pytestmark = pytest.mark.filterwarnings("ignore")

MODEL = "cmu_small"
POSES = (500 + 0.2 * posing(600, noise=40.0, turn=900.0, seed=1)[..., :2]).astype(np.float32)


@pytest.fixture
def command(monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    return Command(batch_lift, monkeypatch, capsys, unknown=True)


def arguments(archive, output="out", **changes):
    stated = {"output": output, "model": MODEL, "part_rows": 64} | changes
    return [f"--input={i}" for i in archive.inputs] + [f"--{k}={v}" for k, v in stated.items() if v is not None]


def test_every_good_record_is_lifted_and_every_bad_one_has_its_reason(command, tmp_path):
    archive = write_archive(tmp_path / "in", POSES, H36M_17, share=0.1, seed=3)
    assert len(archive.damaged) > 40
    status, out, err = command(*arguments(archive))
    assert status == 0, err
    table = read_lifted(tmp_path / "out")
    valid, frames = table["valid"].to_numpy(), table["frame"].to_numpy()
    assert len(set(frames.tolist())) == len(frames)
    good = sorted(set(range(len(POSES))) - archive.damaged_frames)
    assert sorted(frames[valid].tolist()) == good
    expected = Lifter(MODEL)(POSES, convention="h36m_17")
    mine = frames[valid]
    np.testing.assert_allclose(results.read_poses(table, H36M_17)[valid], expected.poses_3d[mine], atol=1e-5)
    np.testing.assert_allclose(table["percentile"].to_numpy()[valid], expected.percentile[mine], atol=1e-3)
    np.testing.assert_allclose(table["elevation_deg"].to_numpy()[valid], expected.elevation[mine], atol=1e-3)
    assert not unaccounted(archive, tmp_path / "out")
    letters = read_letters(tmp_path / "out")
    assert {letter["id"] for letter in letters if letter["source"].endswith("parquet")} <= {
        f"pose-{n}" for n in archive.damaged_frames
    }
    # What could be read and not lifted has a row as well, without numbers.
    assert (~valid).sum() == sum(letter["read"] for letter in letters) > 0
    assert table["poses_3d"].is_valid().to_numpy().tolist() == valid.tolist()
    manifest = files.read_json(tmp_path / "out" / "manifest.json")
    assert manifest["records"] == len(POSES) and manifest["lifted"] == len(good)
    assert manifest["not_valid"] + manifest["not_read"] == len(archive.damaged)
    assert sum(manifest["reasons"].values()) == len(archive.damaged)
    assert f"records: 600; lifted: {len(good)}" in out


def test_the_schema_has_joints_unit_and_model(command, tmp_path):
    archive = write_archive(tmp_path / "in", POSES[:40], H36M_17, shards=1)
    status, _, err = command(*arguments(archive, height=1800.0))
    assert status == 0, err
    schema = pq.read_schema(next((tmp_path / "out" / "lifted").glob("*.parquet")))
    facts = {key.decode(): value.decode() for key, value in schema.metadata.items()}
    assert json.loads(facts["joints"]) == list(H36M_17.joints) and facts["unit"] == "mm"
    assert facts["model"] == f"{MODEL} {Lifter(MODEL).model.fingerprint}"
    assert schema.names == results.lifted_schema(H36M_17, "", "mm").names
    assert set(read_lifted(tmp_path / "out")["model"].to_pylist()) == {facts["model"]}


def test_a_finished_job_is_not_repeated_and_another_job_is_refused(command, tmp_path):
    archive = write_archive(tmp_path / "in", POSES[:60], H36M_17, shards=1, share=0.2)
    assert command(*arguments(archive))[0] == 0
    before = contents(tmp_path / "out")
    status, out, _ = command(*arguments(archive))
    assert status == 0 and out.endswith("already complete; nothing to do\n")
    assert "belongs to another job: part_rows was 64, now 32" in command.refuses(*arguments(archive, part_rows=32))
    assert "belongs to another job: " in command.refuses(*arguments(archive, model="cmu"))
    changed = pathlib.Path(archive.inputs[0]) / "manifest.json"
    changed.parent.joinpath("train-00000-of-00001.tfrecord").touch()
    assert "has changed since" in command.refuses(*arguments(archive))
    assert contents(tmp_path / "out") == before


def test_a_job_that_was_interrupted_goes_on_to_the_same_output(command, tmp_path, monkeypatch):
    archive = write_archive(tmp_path / "in", POSES, H36M_17, share=0.1)
    assert command(*arguments(archive, "whole"))[0] == 0
    written, write = [], results.write_part

    def full_disk(folder, block, lifted):
        if len(written) == 4:
            raise OSError(28, "No space left on device")
        written.append(block.name)
        return write(folder, block, lifted)

    monkeypatch.setattr("tf_elepose.batch.pipeline.write_part", full_disk)
    assert "No space left" in command.refuses(*arguments(archive))
    assert len(list((tmp_path / "out" / "lifted").iterdir())) == 4
    assert not (tmp_path / "out" / "manifest.json").exists()
    (tmp_path / "out" / "lifted" / ".x.parquet.1-00000000.partial").write_bytes(b"half")
    counted = []
    monkeypatch.setattr("tf_elepose.batch.pipeline.write_part", lambda *a: counted.append(a[1].name) or write(*a))
    assert command(*arguments(archive))[0] == 0
    assert counted and not set(counted) & set(written)  # What was there was not lifted again.
    whole, again = contents(tmp_path / "whole"), contents(tmp_path / "out")
    both = [{name: data for name, data in c.items() if name.endswith(".parquet")} for c in (whole, again)]
    assert both[0] == both[1]
    assert {name for name in again if not name.endswith(".parquet")} == {"job.json", "manifest.json"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": "martian"}, "model 'martian': no such file or folder"),
        ({"convention": "martian"}, "unknown convention 'martian'"),
        ({"min_confidence": "-1"}, "min_confidence: expected a number from 0"),
        ({"direct_num_wrokers": "2"}, "unknown flag --direct_num_wrokers=2: neither batch_lift nor Beam knows it"),
        ({"output": None}, "--output is missing"),
        ({"height": 3}, "height"),
    ],
)
def test_a_mistake_is_one_line_before_anything_is_written(command, tmp_path, changes, message):
    archive = write_archive(tmp_path / "in", POSES[:10], H36M_17, shards=1)
    assert message in command.refuses(*arguments(archive, **changes))
    assert not (tmp_path / "out").exists()


def test_wrong_inputs_are_refused(command, tmp_path):
    (tmp_path / "poses.txt").write_text("x")
    for pattern, message in (("*.nothing", "no such file"), ("poses.txt", "expected .tfrecord")):
        assert message in command.refuses(f"--input={pattern}", "--output=out", f"--model={MODEL}")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "a").write_text("x")
    archive = write_archive(tmp_path / "in", POSES[:10], H36M_17, shards=1)
    assert "expected a new or an empty folder" in command.refuses(*arguments(archive, "full"))
