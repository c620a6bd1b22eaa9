"""Fixtures that run a command as from the shell, in an empty folder."""

import sys
from types import ModuleType

import pytest
from absl import flags

from tf_elepose.cli import commands


def running(module: ModuleType):
    """The fixture `command`: command("INPUT", "--flag=value") runs `module` and gives (status, stdout, stderr)."""

    @pytest.fixture
    def command(monkeypatch, capsys, tmp_path):
        monkeypatch.chdir(tmp_path)

        def call(*arguments):
            monkeypatch.setattr(sys, "argv", [module.__name__, *map(str, arguments)])
            capsys.readouterr()
            with pytest.raises(SystemExit) as stopped:
                commands.run(module.main, module.define_flags, positional=True)
            captured = capsys.readouterr()
            return stopped.value.code or 0, captured.out, captured.err

        before = set(flags.FLAGS)
        yield call
        assert set(flags.FLAGS) >= before

    return command


@pytest.fixture
def refuses(command, tmp_path):
    """Runs a command that must fail and write nothing; returns its one line of error."""

    def call(*arguments):
        before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
        status, out, err = command(*arguments)
        errors = [line for line in err.splitlines() if line.startswith("error: ")]
        assert (status, out, len(errors)) == (2, "", 1) and "Traceback" not in err, err
        assert before == {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
        return errors[0].removeprefix("error: ")

    return call
