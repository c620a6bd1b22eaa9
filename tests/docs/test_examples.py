"""docs/examples: the scripts run, on little data, and are short."""

import csv
import importlib.util
import json
import pathlib
import sys
import types

import matplotlib.image
import numpy as np
import small_runs
from samples import mediapipe

from tf_elepose import train

EXAMPLES = pathlib.Path(__file__).parent.parent.parent / "docs" / "examples"
SMALL = {"subjects": 4, "takes": 1, "frames": 8, "cameras": 2}


def example(name):
    specification = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_without_a_table_one_is_made_trained_on_and_lifted(tmp_path, monkeypatch, capsys):
    """The training runs in this process, with settings of seconds."""
    script = example("train_on_your_csv")
    config = tmp_path / "small.py"
    config.write_text(small_runs.CONFIG_ON_FILES, encoding="utf-8")
    monkeypatch.setattr(script, "CONFIG", config)
    small_runs.let_pass(monkeypatch)
    command = small_runs.Command(train, monkeypatch, capsys)

    def run(arguments, check):
        assert arguments[:3] == [sys.executable, "-m", "tf_elepose.train"] and check
        status, _, err = command(*arguments[3:])
        assert status == 0, err

    monkeypatch.setattr(script, "subprocess", types.SimpleNamespace(run=run))
    made = script.write_made_up
    monkeypatch.setattr(script, "write_made_up", lambda path: made(path, **SMALL))
    table = tmp_path / "poses.csv"
    script.main([str(table), str(tmp_path / "run"), *small_runs.SHORT, "--config.completer.epochs=0.0"])

    with table.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) > 100 and {"clip", "root_x", "l_wrist_y"} <= set(rows[0])
    assert json.loads((tmp_path / "run" / "config.json").read_text())["data"] == f"csv:{table}"
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"{len(rows)} of {len(rows)} poses lifted")
    assert lines[1].startswith(f"{rows[0]['clip']}, frame {rows[0]['frame']}: camera ")
    head = np.array(lines[2].removeprefix("  head").split(), float)
    assert 400 < np.linalg.norm(head) < 900  # mm from the root.


def test_a_table_is_lifted_and_drawn(tmp_path, capsys):
    table, picture = str(tmp_path / "walk.csv"), str(tmp_path / "walk.png")
    example("train_on_your_csv").write_made_up(table, **SMALL)
    example("lift_and_plot").main([f"csv:{table}", picture, "h36m_17"])
    count = pathlib.Path(table).read_text(encoding="utf-8").count("\n") - 1
    assert capsys.readouterr().out == f"{picture}: 4 of {count} lifted poses\n"
    pixels = matplotlib.image.imread(picture)[..., :3]
    assert pixels.shape[:2] == (700, 1200)
    blue = np.abs(pixels - [0x1F / 255, 0x4E / 255, 0x8C / 255]).max(axis=-1) < 0.05
    for half in (blue[:350], blue[350:]):  # Left limbs in all four pictures above, and in all four bodies below.
        assert all(quarter.sum() > 50 for quarter in np.split(half, 4, axis=1))


def test_a_detectors_file_is_lifted_and_drawn(tmp_path, capsys):
    source, options = mediapipe.write(tmp_path)
    assert not options
    example("lift_and_plot").main([source, str(tmp_path / "two.png")])
    assert capsys.readouterr().out.endswith("two.png: 2 of 2 lifted poses\n")
    assert matplotlib.image.imread(tmp_path / "two.png").shape[:2] == (700, 600)


def test_examples_are_short_and_say_how_they_are_run():
    scripts = sorted(EXAMPLES.glob("*.py"))
    assert [script.name for script in scripts] == ["lift_and_plot.py", "train_on_your_csv.py"]
    for script in scripts:
        text = script.read_text(encoding="utf-8")
        assert text.count("\n") < 60 and f"python docs/examples/{script.name} " in text
