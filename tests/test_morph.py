"""The command that moves detections: one file in, one file out, or one line."""

import pytest
import small_runs

from tf_elepose import morph
from tf_elepose.data.readers.views import write_views
from tf_elepose.data.sources import load_source
from tf_elepose.skeleton.skeletons import H36M_17


@pytest.fixture
def command(monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    write_views(tmp_path / "views.npz", small_runs.small_recording())
    return small_runs.Command(morph, monkeypatch, capsys)


def arguments(**changes):
    given = {"from": "views:views.npz", "to": "views:views.npz", "subject": "0", "output": "moved.npz"} | changes
    return [f"--{name}={value}" for name, value in given.items()]


def test_the_file_can_be_trained_on(command, tmp_path):
    subject = load_source("views:views.npz", H36M_17).subject[0]
    status, out, _ = command(*arguments(subject=subject), "--epochs=1", "--width=8")
    assert status == 0 and out.startswith("written: moved.npz: ") and "px as detected" in out
    moved = load_source("views:moved.npz", H36M_17)
    assert subject not in moved.subject and moved.poses_2d_detected is not None and moved.confidence is not None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"subject": "nobody"}, "no such subject: nobody; there are "),
        ({"output": "moved.txt"}, "expected a name that ends in .npz"),
        ({"output": "views.npz"}, "is the source itself"),
        ({"from": "views:none.npz"}, "none.npz"),
    ],
)
def test_a_mistake_is_one_line(command, tmp_path, changes, message):
    assert message in command.refuses(*arguments(**changes))
    assert not (tmp_path / "moved.npz").exists()
