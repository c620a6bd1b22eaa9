"""The training command and a finished run, for the tests that need them."""

import sys

import pytest
import small_runs

from tf_elepose import train
from tf_elepose.data.readers.views import write_views


@pytest.fixture
def command(monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.py").write_text(small_runs.CONFIG)
    (tmp_path / "files.py").write_text(small_runs.CONFIG_ON_FILES)
    return small_runs.Command(train, monkeypatch, capsys)


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """A folder with files.py, views.npz and a run trained on it to its end, and what the command printed."""
    folder = tmp_path_factory.mktemp("finished")
    (folder / "files.py").write_text(small_runs.CONFIG_ON_FILES)
    write_views(folder / "views.npz", small_runs.small_recording())
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        small_runs.let_pass(patch)
        patch.setattr(sys, "argv", ["train", *small_runs.on_views_arguments("run")])
        with pytest.raises(SystemExit) as stopped:
            train.commands.run(train.main, train.define_flags)
        assert not stopped.value.code
    return folder


@pytest.fixture
def on_views(command, finished, monkeypatch):
    """The command with the config of `finished`, in its folder."""
    monkeypatch.chdir(finished)
    small_runs.let_pass(monkeypatch)

    def call(workdir, *arguments):
        return command(*small_runs.on_views_arguments(workdir), *arguments)

    call.refuses = lambda workdir, *arguments: command.refuses(*small_runs.on_views_arguments(workdir), *arguments)
    return call
