"""--option and --strict: plain values, one line for a mistake, equal in every command."""

import json
import types

import pytest
import small_runs
from absl import flags

from tf_elepose import convert, default_config, evaluate, train
from tf_elepose.cli import source_flags
from tf_elepose.data import sources
from tf_elepose.recipes import registry
from tf_elepose.skeleton.skeletons import H36M_17


def test_values_are_read_as_yaml():
    texts = ["people=best", "image_size=[1920,1080]", "flip_y=true", "every=64", "scale=0.5", "name=a=b", "none=null"]
    assert source_flags.parse_options([*texts, "empty=''", "columns={x: 1}"]) == {
        "people": "best", "image_size": [1920, 1080], "flip_y": True, "every": 64, "scale": 0.5, "name": "a=b",
        "none": None, "empty": "", "columns": {"x": 1},
    }  # fmt: skip
    assert source_flags.parse_options([]) == {}
    words = [
        "check=off",
        "a=no",
        "b=1:30",
        "c=2020-01-01",
        "d=010",
        "e=1e-3",
        "f=-2",
        "g=.5",
        "h=True",
        "i=1_000",
        "j=",
    ]
    assert source_flags.parse_options(words) == {
        "check": "off", "a": "no", "b": "1:30", "c": "2020-01-01", "d": "010", "e": 0.001, "f": -2, "g": 0.5, "h": True,
        "i": "1_000", "j": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["people"], "--option=people: expected key=value, such as people=best"),
        (["=best"], "--option==best: expected key=value"),
        (["image size=3"], "--option=image size=3: expected key=value"),
        (["a=1", "a=1"], "--option=a=1: a is given twice"),
        (["a=[1"], "--option=a=[1: '[1' is not valid YAML"),
        (["a=!!python/name:os.system"], "is not valid YAML"),
        (["a=" + "[" * 5000], "is not valid YAML"),
        (["a=!!timestamp 2020-01-01"], "expected numbers, true or false, text, or lists of them"),
        (["a={1: 2}"], "--option=a={1: 2}: expected numbers"),
        (["a=\x00"], "is not valid YAML"),
    ],
)
def test_error_about_an_option_is_one_line(texts, message):
    with pytest.raises(ValueError) as error:
        source_flags.parse_options(texts)
    assert message in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("command", [convert, evaluate, train])
def test_every_command_that_reads_a_source_has_the_flags(command, monkeypatch):
    called = []
    monkeypatch.setattr(source_flags, "define_flags", lambda: called.append(True) or 1 / 0)
    before = set(flags.FLAGS)
    with pytest.raises(ZeroDivisionError):
        command.define_flags()
    assert called
    for name in set(flags.FLAGS) - before:
        delattr(flags.FLAGS, name)


@pytest.fixture
def requested(monkeypatch):
    """A list that gets the (source, options) that a command wants to load; the command then stops."""
    calls = []

    def load_source(source, skeleton, **options):
        calls.append((source, options))
        raise ValueError("seen")

    monkeypatch.setattr(sources, "load_source", load_source)
    return calls


def test_training_merges_options_into_its_config(requested, monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.py").write_text(small_runs.CONFIG)
    kept = []
    monkeypatch.setattr(
        registry, "require_known_settings", lambda config: kept.append(config.to_dict()["data_options"])
    )
    command = small_runs.Command(train, monkeypatch, capsys)
    arguments = ("--option=frames=4", "--option=size=[1,2]", "--option=flip_y=true", "--strict")
    assert command.refuses("--config=small.py", "--workdir=run", *arguments) == "seen"
    expected = {"subjects": 4, "takes": 1, "frames": 4, "cameras": 2, "size": [1, 2], "flip_y": True, "check": "strict"}
    assert kept == [expected] and requested == [("synthetic", expected)]
    command.refuses("--config=small.py", "--workdir=run")
    assert kept[1] == {"subjects": 4, "takes": 1, "frames": 8, "cameras": 2}
    command.refuses("--config=small.py", "--workdir=run", "--people=longest")
    assert kept[2]["people"] == "longest"
    message = command.refuses("--config=small.py", "--workdir=run", "--people=3", "--option=people=4")
    assert message == "--people=3 and --option=people=4: give one of them"
    message = command.refuses("--config=small.py", "--workdir=run", "--option=frames")
    assert message == "--option=frames: expected key=value, such as people=best"
    assert not (tmp_path / "run").exists()


def test_evaluation_adds_options_to_those_of_the_training_for_its_data_only(requested, monkeypatch, capsys, tmp_path):
    from tf_elepose.training import workdir

    method = types.SimpleNamespace(skeleton=H36M_17)
    monkeypatch.setattr(workdir, "load_model_and_info", lambda folder: (method, {}))
    config = default_config.get_config().to_dict() | {"data": "coco:a.json", "data_options": {"people": "best"}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    command = small_runs.Command(evaluate, monkeypatch, capsys)
    for arguments in ((), ("--option=swap_sides=arms",), ("--data=coco:b.json", "--strict")):
        assert command.refuses(f"--workdir={tmp_path}", *arguments) == "seen"
    assert requested == [
        ("coco:a.json", {"people": "best"}),
        ("coco:a.json", {"people": "best", "swap_sides": "arms"}),
        ("coco:b.json", {"check": "strict"}),
    ]
