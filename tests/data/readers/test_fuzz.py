"""Every reader gets damaged files: it reads them correctly, or refuses them in one line."""

import fuzzing
import pytest
from damaged_sample import DamagedSample, sample_writer

from tf_elepose.data.sources import READERS

MUTATIONS = 60


@pytest.mark.parametrize("format_name", READERS)
def test_damaged_files_are_read_correctly_or_refused(format_name, tmp_path):
    assert sample_writer(format_name) is not None, f"{format_name} has no reader, or no sample to damage"
    findings, numbers = fuzzing.fuzz(format_name, tmp_path, range(MUTATIONS))
    assert findings == []
    assert numbers["mutations"] == MUTATIONS
    assert numbers["refused"] > 0  # The damage reaches the reader.


# A reader of views that misbehaves after the undamaged sample.
MISBEHAVING_READER = """
import pathlib, sys, time, os
import numpy as np
import fuzzing
from tf_elepose.data import sources
from tf_elepose.data.readers import views

calls = []

def read_badly(path):
    calls.append(path)
    if len(calls) > 1:
        {misdeed}
    yield from views.read_views(path)

views.read_badly = read_badly
sources.READERS["views"] = "views.read_badly"
fuzzing._serve("views", int(sys.argv[2]), int(sys.argv[3]), pathlib.Path(sys.argv[4]))
"""


@pytest.mark.parametrize(
    ("misdeed", "kind"),
    [
        ("raise KeyError('poses_2d')", "exception"),
        ("raise ValueError('sample.npz: two\\nlines')", "message"),
        ("raise ValueError('sample.npz: \\x1b[31m')", "message"),
        ("raise ValueError('says no file')", "message"),
        ("'é'.encode('ascii')", "message"),
        ("bytearray(300 * 2**20)", "memory"),
        ("np.zeros(10**12)", "exception"),
        ("__import__('warnings').warn('sample.npz')", "warning"),
        ("pathlib.Path(path).with_name('code-was-run').touch()", "code was run"),
        ("os._exit(3)", "crash"),
        ("time.sleep(60)", "hang"),
    ],
)
def test_the_fuzzer_finds_every_kind_of_misbehaviour(misdeed, kind, tmp_path, monkeypatch):
    script = tmp_path / "child.py"
    script.write_text(MISBEHAVING_READER.format(misdeed=misdeed), encoding="utf-8")
    monkeypatch.setattr(fuzzing, "__file__", str(script))
    monkeypatch.setattr(fuzzing, "MAX_SECONDS", 0.5)
    findings, numbers = fuzzing.fuzz("views", tmp_path, range(2))
    assert numbers["mutations"] == 2
    assert kind in [finding.kind for finding in findings]


def test_damage_is_a_function_of_the_seed(tmp_path):
    ran = []
    for name in "ab":
        (tmp_path / name).mkdir()
        child = DamagedSample("views", tmp_path / name)
        ran.append([(child.damage(seed), dict(child._damaged), child.repair()) for seed in range(30)])
    assert ran[0] == ran[1]
    assert len({told for told, _, _ in ran[0]}) > 5
