"""Runs a command of the package: parses its flags, turns errors into one line, and exits with a status.

A user's mistake (an unknown flag, a broken config, a missing file, a full disk) gives one line on standard error,
`error: ...`, and exit status 2. A bug of the program gives a traceback; `--traceback` shows it for every error.

Import this module before TensorFlow. A command imports TensorFlow with `run(..., tensorflow=True)` or inside `main`,
not at the top of its file: then a wrong flag is reported at once, and TensorFlow's start-up messages do not hide what
the user needs to read. With TF_CPP_MIN_LOG_LEVEL=0 in the environment everything is shown.
"""

from __future__ import annotations

import ast
import contextlib
import logging
import os
import pathlib
import re
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NoReturn, cast

from absl import app, flags
from ml_collections.config_flags import config_flags

# 2: errors only. `without_startup_messages` drops what TensorFlow writes before it has read this.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

EXIT_ERROR = 2
"""Exit status after an error that the user can correct."""

EXIT_INTERRUPTED = 130
"""Exit status after Ctrl-C, the same as in shells (128 + SIGINT)."""

EXIT_LOST_WORKER = 75
"""Exit status of a training that lost its other workers (EX_TEMPFAIL in sysexits.h); the same command resumes it."""

_STDERR = 2  # The file descriptor; sys.stderr is only Python's view of it.

_STARTUP_MESSAGE = re.compile(
    rb"[IW]\d{4} |INFO: Created TensorFlow Lite|WARNING: All log messages before absl::InitializeLog"
)
_NO_DRIVER = b"Could not find cuda drivers"
# Without a driver, the failed call to it is expected and hidden; with one, it explains why the GPU is missing.
_STARTUP_MESSAGE_WITHOUT_GPU = re.compile(_STARTUP_MESSAGE.pattern + rb"|E\d{4} .*failed call to cuInit")

_HELP_FLAGS = ("help", "helpshort", "helpfull", "helpxml")


class UsageError(ValueError):
    """Raised for a wrong command line; the message says what is wrong."""


def run(
    main: Callable[[list[str]], int | None],
    define_flags: Callable[[], None] | None = None,
    *,
    positional: bool = False,
    tensorflow: bool = False,
    unknown: bool = False,
) -> NoReturn:
    """Parses `sys.argv`, calls `main` and exits with its result; never returns.

        def define_flags() -> None:
            config_flags.DEFINE_config_file("config", None, "The training's configuration.")
            flags.DEFINE_string("workdir", None, "Where everything is kept.", required=True)

        if __name__ == "__main__":
            commands.run(main, define_flags)

    Exit status: what `main` returns (None is 0); 2 after a wrong command line or config and when `main` raises
    ValueError or OSError, with one line on standard error; 130 after KeyboardInterrupt. Any other exception is a bug
    and keeps its traceback. `--traceback` shows the traceback of every error.

    Args:
      main: gets [program, positional arguments...], flags removed.
      define_flags: calls the `flags.DEFINE_*` functions. Flags that it defines exist only while the command runs, so
        that several commands with the same flags can be imported and run in one process.
      positional: whether arguments without a flag are accepted. In commands without them, such an argument is mostly
        a flag without its dashes.
      tensorflow: whether to import TensorFlow and look for devices before `main`, with the start-up messages hidden.
      unknown: whether `main` gets flags that are not defined, among its arguments, for the parser of another program.
    """
    argv = list(sys.argv)
    try:
        with _flags_of_this_run(define_flags):
            # absl's run sets up logging and calls sys.exit with main's result. `main` and parser are wrapped so that
            # they raise instead of printing.
            call = _prepared(main, tensorflow)
            app.run(call, argv, flags_parser=lambda args: _parse(args, positional, unknown))
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(EXIT_INTERRUPTED)
    except (ValueError, OSError) as error:
        if _wants_traceback(argv):
            traceback.print_exc()
        print(f"error: {one_line(error)}", file=sys.stderr)
        sys.exit(EXIT_ERROR)
    raise SystemError("absl's app.run returned")  # It never does: it exits or raises.


def one_line(error: BaseException) -> str:
    """The message of `error` on one line; for an error about a file, the file comes first."""
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        text = f"{os.fsdecode(error.filename)}: {error.strerror}"
    else:
        text = str(error)
    # config_flags makes an AttributeError of a KeyError's text, which is then a Python string literal.
    if re.fullmatch(r"(['\"]).*\1", text):
        with contextlib.suppress(ValueError, SyntaxError):
            text = str(ast.literal_eval(text))
    return " ".join(text.split()) or type(error).__name__


@contextlib.contextmanager
def _flags_of_this_run(define_flags: Callable[[], None] | None) -> Iterator[None]:
    before = set(flags.FLAGS)
    flags.DEFINE_boolean("traceback", False, "Print the traceback of an error, to be sent with a bug report.")
    if define_flags is not None:
        define_flags()
    for name in set(flags.FLAGS) - before:  # So that --help shows it, whichever module defined it.
        flags.FLAGS.register_key_flag_for_module(sys.argv[0], flags.FLAGS[name])
    app.define_help_flags()
    kept = before | set(_HELP_FLAGS) | {"?", "only_check_flags"}
    try:
        yield
    finally:
        for name in set(flags.FLAGS) - kept:  # Overrides such as config.steps are flags, too.
            delattr(flags.FLAGS, name)


def _prepared(main: Callable[[list[str]], int | None], tensorflow: bool) -> Callable[[list[str]], int | None]:
    """Wraps `main`: imports TensorFlow first, and turns absl's UsageError (which prints a page of help) into ours."""

    def call(argv: list[str]) -> int | None:
        if tensorflow:
            with without_startup_messages():
                import tensorflow as tf

                tf.config.list_physical_devices()
        try:
            return main(argv)
        except app.UsageError as error:
            raise UsageError(str(error)) from error

    return call


def writable(path: str, flag: str, sources: Sequence[str] = ()) -> pathlib.Path:
    """The output file that `--flag=path` names, checked before the `sources` are read, which may take long.

    Raises:
      ValueError: its folder does not exist, or the path is a folder or one of the sources.
    """
    target = pathlib.Path(path)
    if not target.parent.is_dir():
        raise ValueError(f"--{flag}={path}: no such folder")
    if target.is_dir():
        raise ValueError(f"--{flag}={path}: is a folder")
    for source in sources:
        read = pathlib.Path(source.partition(":")[2] or source)
        if target.exists() and read.exists() and target.samefile(read):
            raise ValueError(f"--{flag}={path}: is the source itself; give it another name")
    return target


@contextlib.contextmanager
def without_startup_messages() -> Iterator[None]:
    """Hides TensorFlow's start-up messages; everything else on standard error is shown when the block ends.

    TensorFlow's libraries write before they have read TF_CPP_MIN_LOG_LEVEL, straight to the file descriptor.
    """
    if os.environ.get("TF_CPP_MIN_LOG_LEVEL") not in ("2", "3") or sys.stderr is None:
        yield
        return
    sys.stderr.flush()
    with tempfile.TemporaryFile() as held, os.fdopen(os.dup(_STDERR), "wb") as shown:
        os.dup2(held.fileno(), _STDERR)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(shown.fileno(), _STDERR)
            held.seek(0)
            lines = held.readlines()
            no_driver = any(_NO_DRIVER in line for line in lines)
            hidden = _STARTUP_MESSAGE_WITHOUT_GPU if no_driver else _STARTUP_MESSAGE
            shown.writelines(line for line in lines if not hidden.match(line))


def _parse(argv: list[str], positional: bool, unknown: bool = False) -> list[str]:
    """Parses the flags; every error, also one of config_flags or of a config file, becomes a UsageError."""
    for name in _config_flags():
        sys.modules.pop(f"{name}_config", None)  # Otherwise config_flags loads a second config into the first's module.
    try:
        with _quiet_about_configs():
            arguments = flags.FLAGS(argv, known_only=unknown)
            for name in _config_flags():
                _require_loaded(name)
    except SystemExit as stop:
        asked_for_help = any(re.fullmatch(r"--?(\?|help\w*)", argument) for argument in argv[1:])
        raise SystemExit(0 if asked_for_help else stop.code) from None  # absl's help exits with 1.
    except Exception as error:
        raise UsageError(_explain(error, argv)) from error
    unexpected = [argument for argument in arguments[1:] if not (unknown and argument.startswith("--"))]
    if unexpected and not positional:
        raise UsageError(f"unexpected argument {unexpected[0]!r}; flags are written --name=value")
    return arguments


def _config_flags() -> list[str]:
    """Names of the flags whose value is a config file."""
    return [name for name in flags.FLAGS if isinstance(flags.FLAGS[name].parser, config_flags.ConfigFileFlagParser)]


def _require_loaded(name: str) -> None:
    flag = cast("Any", flags.FLAGS[name])  # A flag of config_flags, which knows its file.
    if flag.present and flag.value is None:
        raise UsageError(f"--{name}={flag.config_filename}: get_config() returned nothing")
    # config_flags replaces an unreadable config by an object that raises OSError when it is used; use it now.
    hasattr(flag.value, "lock")


@contextlib.contextmanager
def _quiet_about_configs() -> Iterator[None]:
    """Hides the warnings of config_flags; this module raises errors for the same problems."""

    def is_from_elsewhere(record: logging.LogRecord) -> bool:
        return record.module != "config_flags"

    logger = logging.getLogger("absl")
    logger.addFilter(is_from_elsewhere)
    try:
        yield
    finally:
        logger.removeFilter(is_from_elsewhere)


def _explain(error: Exception, argv: list[str]) -> str:
    """The message for the user about an error raised while flags were parsed and configs were loaded."""
    if isinstance(error, UsageError):
        return str(error)
    for name in _config_flags():
        value = _value_in(argv, name)
        if value is None:
            continue
        path = value.split(":", 1)[0]  # After the colon comes the argument of get_config.
        if not os.path.isfile(path):
            return f"--{name}={value}: there is no such file"
        if (inside := _explain_inside(error, path)) is not None:
            return f"--{name}={value}: {inside}"
        if isinstance(error, AttributeError) and error.name == "get_config":
            return f"--{name}={value}: expected a function get_config() in this file"
        if "Error whilst parsing config file" in str(error):  # config_flags wraps the error, with its traceback.
            return f"--{name}={value}: {one_line(_first_error(error))}"
        if not isinstance(error, flags.Error):  # Raised for the path of an override.
            overrides = [a.split("=", 1)[0] for a in argv if re.match(rf"--?(no)?{re.escape(name)}\.", a)]
            return f"--{name}={value}: no such field among {', '.join(overrides)}: {one_line(error)}"
    return one_line(error)


def _value_in(argv: list[str], name: str) -> str | None:
    """The last value given to the flag `name`, as --name=value or --name value."""
    value = None
    for argument, following in zip(argv, [*argv[1:], None], strict=True):
        if match := re.fullmatch(rf"--?{re.escape(name)}(?:=(.*))?", argument, re.DOTALL):
            value = following if match[1] is None else match[1]
    return value


def _explain_inside(error: BaseException, path: str) -> str | None:
    """Line and message of `error`, or of its cause, that was raised in the file `path`; None when neither was."""
    chain: BaseException | None = error
    while chain is not None:
        if isinstance(chain, SyntaxError) and chain.filename == path:
            return f"line {chain.lineno}: {chain.msg}"
        lines = [line for frame, line in traceback.walk_tb(chain.__traceback__) if frame.f_code.co_filename == path]
        if lines:
            return f"line {lines[-1]}: {type(chain).__name__}: {one_line(chain)}"
        chain = chain.__cause__ or chain.__context__
    return None


def _first_error(error: BaseException) -> BaseException:
    """The first exception in the chain of causes of `error`."""
    while (cause := error.__cause__ or error.__context__) is not None:
        error = cause
    return error


def _wants_traceback(argv: list[str]) -> bool:
    """Whether the command line has --traceback; searched as text, because parsing it may have been the error."""
    return any(re.fullmatch(r"--?traceback(=true)?", argument) for argument in argv[1:])
