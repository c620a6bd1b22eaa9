"""Runs commands of the package in this process, and reads whole folders."""

import sys

import pytest

from tf_elepose.cli import commands


class Command:
    """A command of the package run in this process: command("--flag=value") gives (status, stdout, stderr)."""

    def __init__(self, module, monkeypatch, capsys, **options):
        self._module, self._monkeypatch, self._capsys, self._options = module, monkeypatch, capsys, options

    def __call__(self, *arguments):
        self._monkeypatch.setattr(sys, "argv", [self._module.__name__, *map(str, arguments)])
        self._capsys.readouterr()
        with pytest.raises(SystemExit) as stopped:
            commands.run(self._module.main, self._module.define_flags, **self._options)
        captured = self._capsys.readouterr()
        return stopped.value.code or 0, captured.out, captured.err

    def refuses(self, *arguments):
        """Runs a command that must fail with status 2 and no standard output; returns its one line of error."""
        status, out, err = self(*arguments)
        errors = [line for line in err.splitlines() if line.startswith("error: ")]
        assert (status, out, len(errors)) == (2, "", 1) and err.endswith(errors[0] + "\n"), err
        assert "Traceback" not in err and len(errors[0]) < 500, err
        return errors[0].removeprefix("error: ")


def contents(folder):
    """{relative path: bytes} of all files in a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
