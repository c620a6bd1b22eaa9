"""A user's mistake gives one line and exit status 2; a bug keeps its traceback."""

import errno
import os
import subprocess
import sys
import textwrap

import pytest
from absl import app, flags
from ml_collections.config_flags import config_flags

from tf_elepose.cli import commands

CONFIG = """
from ml_collections import config_dict

def get_config():
    config = config_dict.ConfigDict({"steps": 3, "rate": 0.1, "name": "quickstart", "flip": True})
    config.prior = config_dict.ConfigDict({"bases": 26})
    return config
"""

COMMAND = '''
"""Trains nothing.

Usage: python -m something --config=FILE
"""
from tf_elepose.cli import commands
from absl import flags
from ml_collections.config_flags import config_flags
import os

def define_flags():
    config_flags.DEFINE_config_file("config", None, "The configuration.")
    flags.DEFINE_string("workdir", None, "The folder.", required=True)

def main(argv):
    config = flags.FLAGS.config
    print("steps", config.steps, "quiet", os.environ["TF_CPP_MIN_LOG_LEVEL"])
    if config.name == "bug":
        raise KeyError("bug")
    if config.name == "interrupt":
        raise KeyboardInterrupt
    if config.name == "full":
        raise OSError(28, "cannot be written: No space left on device", "w/step-1.npz")

if __name__ == "__main__":
    commands.run(main, define_flags)
'''


def _define_flags():
    config_flags.DEFINE_config_file("config", None, "The configuration.")
    flags.DEFINE_string("workdir", None, "The folder.", required=True)
    flags.DEFINE_integer("batch", 4, "Rows.", lower_bound=1)


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """Runs a command in this process: (status, standard output, standard error)."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "c.py").write_text(CONFIG)

    def call(*arguments, main=lambda argv: None, **options):
        monkeypatch.setattr(sys, "argv", ["command", *arguments])
        before = set(flags.FLAGS)
        with pytest.raises(SystemExit) as stopped:
            commands.run(main, _define_flags, **options)
        assert set(flags.FLAGS) <= before | {"help", "?", "helpshort", "helpfull", "helpxml", "only_check_flags"}
        captured = capsys.readouterr()
        return stopped.value.code or 0, captured.out, captured.err

    return call


def test_main_gets_the_config_with_its_overrides(run):
    seen = []

    def main(argv):
        config = flags.FLAGS.config
        seen.append((argv, config.steps, config.prior.bases, config.flip, flags.FLAGS.workdir, flags.FLAGS.batch))
        return len(seen) - 1

    arguments = ("--config=c.py", "--config.steps=5", "--config.prior.bases=20", "--noconfig.flip", "--workdir=w")
    assert run(*arguments, main=main) == (0, "", "")
    assert run("--config", "c.py", "--workdir", "w", "--batch=8", main=main) == (1, "", "")  # No old flag is left.
    assert seen == [(["command"], 5, 20, False, "w", 4), (["command"], 3, 26, True, "w", 8)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--workdir=w --confg=c.py", "Unknown command line flag 'confg'. Did you mean: config"),
        ("", "Flag --workdir must have a value other than None."),
        ("--workdir=w --batch=x", "flag --batch=x"),
        ("--workdir=w --batch=0", "batch"),
        ("--workdir=w --config", "Missing value for flag --config"),
        ("--workdir=w c.py", "unexpected argument 'c.py'; flags are written --name=value"),
        ("--workdir=w --config=c.py config.steps=5", "unexpected argument 'config.steps=5'"),
        ("--workdir=w --config=nope.py", "--config=nope.py: there is no such file"),
        ("--workdir=w --config=nope.py --config.steps=5", "--config=nope.py: there is no such file"),
        ("--workdir=w --config=", "--config=: there is no such file"),
        ("--workdir=w --config=c.py --config.stepz=5", "among --config.stepz: 'stepz' Did you mean \"steps\""),
        ("--workdir=w --config=c.py --config.prior.base=5", 'Did you mean "bases" instead of "base"?'),
        ("--workdir=w --config=c.py --config.zzz=5", "no such field among --config.zzz: 'zzz'"),
        ("--workdir=w --config=c.py --config.steps.x=5", "no such field among --config.steps.x"),
        ("--workdir=w --config=c.py --config.steps=many", "flag --config.steps=many: invalid literal for int()"),
        ("--workdir=w --config=c.py --config.rate=fast", "flag --config.rate=fast: could not convert string to float"),
        ("--workdir=w --config=c.py --config.flip=5", "flag --config.flip=5"),
        ("--workdir=w --config=c.py --config.prior=5", "flag --config.prior=5"),
        ("--workdir=w --config=c.py --config.steps", "Missing value for flag --config.steps"),
        ("--workdir=w --config.steps=5", "Unknown command line flag 'config.steps'"),
        ("--workdir=w --config.steps=5 --config=c.py", "before a value for --config was specified"),
    ],
)  # fmt: skip
def test_a_wrong_command_line_gives_one_line_and_status_2(run, arguments, message):
    status, out, err = run(*arguments.split())
    assert (status, out) == (2, "")
    assert err.startswith("error: ") and err.count("\n") == 1 and message in err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("def get_config(:\n", "line 1: invalid syntax"),
        ("steps = 3\n", "expected a function get_config() in this file"),
        ("import no_such_module\n", "line 1: ModuleNotFoundError: No module named 'no_such_module'"),
        ("def get_config():\n    raise ValueError('two\\nlines')\n", "line 2: ValueError: two lines"),
        ("def get_config():\n    return [][3]\n", "line 2: IndexError: list index out of range"),
        ("def get_config():\n    open('gone.txt')\n", "line 2: FileNotFoundError: gone.txt: No such file"),
        ("def get_config():\n    pass\n", "get_config() returned nothing"),
        ("def get_config(name):\n    pass\n", "missing 1 required positional argument: 'name'"),
    ],
)
@pytest.mark.parametrize("override", [(), ("--config.steps=3",)])
def test_a_broken_config_gives_one_line_with_the_place(run, tmp_path, text, message, override):
    (tmp_path / "bad.py").write_text(text)
    status, out, err = run("--workdir=w", "--config=bad.py", *override)
    assert (status, out) == (2, "")
    assert err.startswith("error: ") and err.count("\n") == 1
    if not (override and "returned nothing" in message):  # Then the override fails first.
        assert message in err


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError("expected [N, 17, 2],\n  got [3]"), "expected [N, 17, 2], got [3]"),
        (OSError(errno.ENOSPC, "No space left on device", "w/a.npz"), "w/a.npz: No space left on device"),
        (FileNotFoundError(errno.ENOENT, "No such file or directory", "x"), "x: No such file or directory"),
        (OSError("plain"), "plain"),
        (UnicodeDecodeError("utf-8", b"x", 0, 1, "bad"), "'utf-8' codec can't decode byte 0x78 in position 0: bad"),
        (ValueError(), "ValueError"),
        (app.UsageError("one INPUT is needed"), "one INPUT is needed"),
    ],
)
def test_an_error_that_the_user_can_correct_gives_one_line_and_status_2(run, error, line):
    def main(argv):
        raise error

    assert run("--workdir=w", main=main) == (2, "", f"error: {line}\n")


def test_traceback_flag_shows_the_traceback(run):
    def main(argv):
        raise ValueError("here")

    status, _, err = run("--workdir=w", "--traceback", main=main)
    assert status == 2 and "Traceback (most recent call last)" in err and "in main" in err
    assert err.endswith("error: here\n")
    status, _, err = run("--workdir=w", "--traceback", "--batch=x")
    assert status == 2 and "Traceback" in err


def test_bugs_keep_their_exception(monkeypatch):
    def main(argv):
        raise KeyError("bug")

    monkeypatch.setattr(sys, "argv", ["command"])
    with pytest.raises(KeyError, match="bug"):
        commands.run(main)


def test_interruption_gives_status_130(run):
    def main(argv):
        raise KeyboardInterrupt

    assert run("--workdir=w", main=main) == (130, "", "interrupted\n")


def test_positional_arguments_are_accepted_where_the_command_takes_them(run):
    seen = []
    assert run("a.json", "--workdir=w", "b.json", main=lambda argv: seen.append(argv), positional=True)[0] == 0
    assert seen == [["command", "a.json", "b.json"]]


def test_help_shows_the_flags_and_gives_status_0(run):
    for flag in ("--help", "--helpfull", "-help"):
        status, out, err = run(flag)
        assert (status, err) == (0, "")
        assert "--workdir: The folder." in out and "--config: The configuration." in out and "--[no]traceback" in out


def test_two_commands_may_have_the_same_flags(run):
    assert run("--workdir=a")[0] == 0
    assert run("--workdir=b")[0] == 0
    assert run()[0] == 2  # Neither the value nor the flag of an earlier run is left.


@pytest.fixture(scope="module")
def command(tmp_path_factory):
    """Runs a command as users do: (status, standard output, standard error)."""
    folder = tmp_path_factory.mktemp("command")
    (folder / "something.py").write_text(textwrap.dedent(COMMAND))
    (folder / "c.py").write_text(CONFIG)

    def call(*arguments):
        environment = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
        path = os.pathsep.join(
            filter(None, [os.path.dirname(os.path.dirname(commands.__file__)), os.environ.get("PYTHONPATH")])
        )
        done = subprocess.run(
            [sys.executable, "-m", "something", *arguments],
            cwd=folder, env=environment | {"PYTHONPATH": path}, capture_output=True, text=True,
        )  # fmt: skip
        return done.returncode, done.stdout, done.stderr

    return call


def test_a_process_has_these_statuses_and_messages(command):
    assert command("--config=c.py", "--workdir=w", "--config.steps=7") == (0, "steps 7 quiet 2\n", "")
    status, out, err = command("--config=c.py", "--workdir=w", "--config.steps=x")
    assert (status, out, err.count("\n")) == (2, "", 1) and err.startswith("error: flag --config.steps=x")
    status, out, err = command("--config=c.py", "--workdir=w", "--config.name=full")
    assert (status, err) == (2, "error: w/step-1.npz: cannot be written: No space left on device\n")
    status, out, err = command("--config=c.py", "--workdir=w", "--config.name=bug")
    assert status == 1 and "Traceback" in err and err.endswith("KeyError: 'bug'\n")
    assert command("--config=c.py", "--workdir=w", "--config.name=interrupt")[0] == 130
    status, out, err = command("--help")
    assert (status, err) == (0, "") and "Trains nothing." in out and "--workdir: The folder." in out


def test_startup_messages_of_tensorflow_are_hidden_and_errors_are_shown():
    script = """
        import os, sys
        from tf_elepose.cli import commands

        def main(argv):
            print("tensorflow" in sys.modules)
            raise ValueError("what the user needs to read")

        if "noisy" in sys.argv[1]:
            sys.argv[1:] = []
            class Loud:
                def find_spec(self, name, path, target=None):
                    if name == "tensorflow":
                        os.write(2, b"I0000 start-up\\nE0000 failed call to cuInit\\nE0000 a broken driver\\n")
            sys.meta_path.insert(0, Loud())
        commands.run(main, tensorflow=True)
    """
    command = [sys.executable, "-c", textwrap.dedent(script)]
    done = subprocess.run([*command, "noisy"], capture_output=True, text=True)
    assert done.returncode == 2 and done.stdout == "True\n"
    lines = done.stderr.splitlines()
    assert lines[-2:] == ["E0000 a broken driver", "error: what the user needs to read"]
    assert not any(line.startswith(("I0000", "WARNING")) for line in lines)
    done = subprocess.run([*command, "--no_such_flag"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "") and done.stderr.count("\n") == 1  # Reported before the import.


def test_import_does_not_load_tensorflow():
    script = "import sys, tf_elepose.cli.commands, tf_elepose.storage.files, tf_elepose.training.checkpoint, " \
        "tf_elepose.training.metric_log, tf_elepose.cli.progress, tf_elepose.training.interruption; " \
        "print('tensorflow' in sys.modules, 'keras' in sys.modules)"  # fmt: skip
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "False False\n"


def test_main_gets_unknown_flags_for_another_program(monkeypatch, capsys):
    def define():
        flags.DEFINE_string("own", None, "Known here.")

    given = []
    monkeypatch.setattr(sys, "argv", ["program", "--own=1", "--theirs=2", "--flag"])
    with pytest.raises(SystemExit) as stopped:
        commands.run(lambda argv: given.append((flags.FLAGS.own, argv[1:])), define, unknown=True)
    assert not stopped.value.code and given == [("1", ["--theirs=2", "--flag"])]
    monkeypatch.setattr(sys, "argv", ["program", "--theirs=2", "word"])
    with pytest.raises(SystemExit) as stopped:
        commands.run(lambda argv: None, define, unknown=True)
    assert stopped.value.code == commands.EXIT_ERROR
    assert "unexpected argument 'word'" in capsys.readouterr().err
