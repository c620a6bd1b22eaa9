"""What every command of the package starts with: flags in, one line and an exit status out.

A user's mistake (an unknown flag, a broken config, a missing file, a full disk) is one line on standard error,
`error: ...`, and exit status 2. A traceback is for the program's own mistakes, and for `--traceback`.

Import this module before TensorFlow, and TensorFlow not at the head of a command but with `run(..., tensorflow=True)`
or inside `main`: a wrong flag is then told at once, and start-up messages about the build do not bury what the user
needs to read. With TF_CPP_MIN_LOG_LEVEL=0 in the environment everything is shown.
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
from typing import NoReturn

from absl import app, flags
from ml_collections.config_flags import config_flags

# 2: errors only. What comes before TensorFlow reads this is dropped in `without_chatter`.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

EXIT_ERROR = 2
"""Exit status after an error the user can do something about."""

EXIT_INTERRUPTED = 130
"""Exit status after Ctrl-C, as shells have it (128 + SIGINT)."""

EXIT_LOST_WORKER = 75
"""Exit status of a training whose other workers are lost: EX_TEMPFAIL of sysexits.h, the same command goes on."""

_STDERR = 2  # The file descriptor; sys.stderr is only Python's view of it.

_CHATTER = re.compile(rb"[IW]\d{4} |INFO: Created TensorFlow Lite|WARNING: All log messages before absl::InitializeLog")
_NO_DRIVER = b"Could not find cuda drivers"
# Where there is no driver, that it cannot be called is no news; where there is one, it is the reason for a missing GPU.
_CHATTER_WITHOUT_GPU = re.compile(_CHATTER.pattern + rb"|E\d{4} .*failed call to cuInit")

_HELP_FLAGS = ("help", "helpshort", "helpfull", "helpxml")


class UsageError(ValueError):
    """The command line is wrong; the message says what is."""


def run(
    main: Callable[[list[str]], int | None],
    define_flags: Callable[[], None] | None = None,
    *,
    positional: bool = False,
    tensorflow: bool = False,
    unknown: bool = False,
) -> NoReturn:
    """Parses `sys.argv`, calls `main` and exits with its result; does not return.

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
      define_flags: calls the `flags.DEFINE_*` functions. Flags defined there, and not while a module is imported, exist
        only while the command runs: several commands with the same flags can be imported, and run, in one process.
      positional: whether arguments without a flag are accepted; where they are not, they are mostly flags without
        their dashes.
      tensorflow: imports TensorFlow and looks for devices before `main`, without the messages about the build that
        it prints then.
      unknown: whether flags that are not defined are handed to `main`, among its arguments, for another program's
        parser.
    """
    argv = list(sys.argv)
    try:
        with _flags_of_this_run(define_flags):
            # absl's run calls sys.exit with main's result and does the logging setup; it is given a `main` and a
            # parser that raise instead of printing.
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
    """The message of `error` on one line, the file first where it is about a file."""
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        text = f"{os.fsdecode(error.filename)}: {error.strerror}"
    else:
        text = str(error)
    # config_flags turns a KeyError into an AttributeError by its text, which is then a Python string literal.
    if re.fullmatch(r"(['\"]).*\1", text):
        with contextlib.suppress(ValueError, SyntaxError):
            text = str(ast.literal_eval(text))
    return " ".join(text.split()) or type(error).__name__


@contextlib.contextmanager
def _flags_of_this_run(define_flags: Callable[[], None] | None) -> Iterator[None]:
    before = set(flags.FLAGS)
    flags.DEFINE_boolean("traceback", False, "Show where an error comes from, for reports.")
    if define_flags is not None:
        define_flags()
    for name in set(flags.FLAGS) - before:  # What --help shows, whichever module defined it.
        flags.FLAGS.register_key_flag_for_module(sys.argv[0], flags.FLAGS[name])
    app.define_help_flags()
    kept = before | set(_HELP_FLAGS) | {"?", "only_check_flags"}
    try:
        yield
    finally:
        for name in set(flags.FLAGS) - kept:  # Overrides such as config.steps are flags as well.
            delattr(flags.FLAGS, name)


def _prepared(main: Callable[[list[str]], int | None], tensorflow: bool) -> Callable[[list[str]], int | None]:
    """`main` after the import of TensorFlow, its absl UsageError (answered with a page of help) made one of ours."""

    def call(argv: list[str]) -> int | None:
        if tensorflow:
            with without_chatter():
                import tensorflow as tf

                tf.config.list_physical_devices()
        try:
            return main(argv)
        except app.UsageError as error:
            raise UsageError(str(error)) from error

    return call


def writable(path: str, flag: str, sources: Sequence[str] = ()) -> pathlib.Path:
    """The file that `--flag=path` names, seen to be possible before the reading of `sources`, which may take long.

    Raises:
      ValueError: no such folder, a folder, or one of the sources.
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
def without_chatter() -> Iterator[None]:
    """Holds back what is written to standard error in the block, and passes on what is not TensorFlow's chatter.

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
            chatter = _CHATTER_WITHOUT_GPU if any(_NO_DRIVER in line for line in lines) else _CHATTER
            shown.writelines(line for line in lines if not chatter.match(line))


def _parse(argv: list[str], positional: bool, unknown: bool = False) -> list[str]:
    """Parses the flags; whatever goes wrong is a UsageError, whatever config_flags or a config raised."""
    for name in _config_flags():
        sys.modules.pop(f"{name}_config", None)  # config_flags would load a second config into the module of the first.
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
    strange = [argument for argument in arguments[1:] if not (unknown and argument.startswith("--"))]
    if strange and not positional:
        raise UsageError(f"unexpected argument {strange[0]!r}; flags are written --name=value")
    return arguments


def _config_flags() -> list[str]:
    """Names of the flags whose value is a config file."""
    return [name for name in flags.FLAGS if isinstance(flags.FLAGS[name].parser, config_flags.ConfigFileFlagParser)]


def _require_loaded(name: str) -> None:
    flag = flags.FLAGS[name]
    if flag.present and flag.value is None:
        raise UsageError(f"--{name}={flag.config_filename}: get_config() returned nothing")
    # A config that could not be read is replaced by an object that raises OSError at the first look; look now.
    hasattr(flag.value, "lock")


@contextlib.contextmanager
def _quiet_about_configs() -> Iterator[None]:
    """Hides config_flags' own warnings; what they say becomes an error here."""

    def is_from_elsewhere(record: logging.LogRecord) -> bool:
        return record.module != "config_flags"

    logger = logging.getLogger("absl")
    logger.addFilter(is_from_elsewhere)
    try:
        yield
    finally:
        logger.removeFilter(is_from_elsewhere)


def _explain(error: Exception, argv: list[str]) -> str:
    """What to tell the user about an error from the parsing of flags and the loading of configs."""
    if isinstance(error, UsageError):
        return str(error)
    for name in _config_flags():
        value = _value_in(argv, name)
        if value is None:
            continue
        path = value.split(":", 1)[0]  # After the colon: get_config's own argument.
        if not os.path.isfile(path):
            return f"--{name}={value}: there is no such file"
        if (inside := _explain_inside(error, path)) is not None:
            return f"--{name}={value}: {inside}"
        if isinstance(error, AttributeError) and error.name == "get_config":
            return f"--{name}={value}: expected a function get_config() in this file"
        if "Error whilst parsing config file" in str(error):  # config_flags' wrapping, the whole traceback in it.
            return f"--{name}={value}: {one_line(_first_error(error))}"
        if not isinstance(error, flags.Error):  # From walking the path of an override.
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
    """Line and message, when `error` or what caused it was raised in the file `path`."""
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
    """What `error` and all that was raised on its way started with."""
    while (cause := error.__cause__ or error.__context__) is not None:
        error = cause
    return error


def _wants_traceback(argv: list[str]) -> bool:
    """Read from the command line itself: the error may be that it cannot be parsed."""
    return any(re.fullmatch(r"--?traceback(=true)?", argument) for argument in argv[1:])
