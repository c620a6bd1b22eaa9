"""Pickles of unknown origin: plain values and NumPy arrays are read, code is refused by name.

Python's own unpickler calls any function that the file names. Here the opcodes (those of `pickletools`) are carried out
by code of this module, and only on plain values: nothing is imported, and only functions that are written below are
called. The parts of NumPy's arrays and numbers are recognised by name, and their shapes are checked against their
bytes. Texts of Python 2 are read as latin-1, as data sets of that time need it.
"""

from __future__ import annotations

import os
import re
from typing import IO, Any

import numpy as np

from tf_elepose.data.parsers.limits import one_line, opened, size_of
from tf_elepose.data.parsers.pickle_stream import OpcodeStream
from tf_elepose.data.parsers.pickle_values import (
    MAX_DEPTH,
    Dtype,
    Global,
    RefusedError,
    built_dtype,
    exactly,
    plain_dict,
    plain_key,
    require_contents,
    require_plain,
    require_shape,
)

MAX_OPCODES = 500_000
"""Most opcodes of a file: the limit bounds the time (a second) and the memory a byte can take (a hundredfold for an
empty dict). Data sets with their numbers in arrays have thousands."""

_MAX_BITS = 64  # Of an integer.

# Modules that moved; NumPy and Python read either.
_MODULES = {
    "numpy.core.multiarray": "numpy._core.multiarray",
    "numpy.core.numeric": "numpy._core.numeric",
    "__builtin__": "builtins",
}
_PLAIN_TYPES: dict[str, type] = {
    f"builtins.{kind.__name__}": kind for kind in (dict, list, tuple, set, int, float, str, bytes, bytearray)
}
_RECONSTRUCT, _SCALAR = "numpy._core.multiarray._reconstruct", "numpy._core.multiarray.scalar"
_FROM_BUFFER, _NDARRAY, _DTYPE = "numpy._core.numeric._frombuffer", "numpy.ndarray", "numpy.dtype"
_ENCODE, _ORDERED_DICT = "_codecs.encode", "collections.OrderedDict"
_ALLOWED = {_RECONSTRUCT, _SCALAR, _FROM_BUFFER, _NDARRAY, _DTYPE, _ENCODE, _ORDERED_DICT, *_PLAIN_TYPES}

# Numbers of the sizes that every machine has, text, bytes and objects: no records, dates or long doubles.
_DTYPE_CODE = re.compile(r"[<>=|]?(b1|[iu][1248]|f[248]|[SU]\d{1,6}|O[48]?|\?)")

_PUSHED = {
    "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT", "STRING", "BINSTRING",
    "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "BINBYTES", "SHORT_BINBYTES",
    "BINBYTES8", "BYTEARRAY8",
}  # fmt: skip
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_EMPTY = {"EMPTY_LIST": list, "EMPTY_DICT": dict, "EMPTY_SET": set, "EMPTY_TUPLE": tuple}
_EMPTY_SET_BYTES = 256
_SHORT_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_REFUSED = {
    **dict.fromkeys(("PERSID", "BINPERSID"), "an object kept elsewhere (persistent id)"),
    **dict.fromkeys(("EXT1", "EXT2", "EXT4"), "an object of the extension registry"),
    **dict.fromkeys(("OBJ", "NEWOBJ", "NEWOBJ_EX"), "an object of a class"),
    **dict.fromkeys(("NEXT_BUFFER", "READONLY_BUFFER"), "a buffer kept elsewhere"),
}


def load_pickle(path: str | os.PathLike[str], what: str = "pickle file") -> Any:
    """The plain values and arrays in the pickle file at `path`.

    Args:
      path: of the file.
      what: name of the kind of file in messages.

    Raises:
      ValueError: no such file, damage, or anything in it that is not a plain value or an array; code is named.
      OSError: the file cannot be read.
    """
    where = f"{what} {os.fspath(path)}"
    with opened(path, where, whole=True) as stream:
        return read_pickle(stream, size_of(stream), where)


def read_pickle(stream: IO[bytes], size: int, where: str) -> Any:
    """The plain values and arrays in a pickle: None, flags, numbers, text, bytes, list, tuple, dict, set and ndarray.

    An array of objects holds such values too. No value is inside itself, and all of it can be walked in little time.

    Args:
      stream: at the pickle's first byte.
      size: number of bytes left in `stream`; lengths in the pickle are checked against it.
      where: beginning of messages.

    Raises:
      ValueError: damage, or anything else in it; code is named.
    """
    machine = _Machine(OpcodeStream(stream, size), size)
    try:
        return machine.run()
    except RefusedError as error:
        raise ValueError(f"{where}: {error}") from None
    except Exception as error:  # A damaged file mixes values of all kinds: operations on them fail in any way.
        raise ValueError(f"{where}: damaged pickle ({one_line(error) or type(error).__name__})") from error


class _Machine:
    """The stack, marks and memo that a pickle works on."""

    def __init__(self, stream: OpcodeStream, size: int) -> None:
        self._stream = stream
        self._stack: list[Any] = []
        self._below: list[list[Any]] = []  # Stacks under marks.
        self._memo: dict[int, Any] = {}
        self._unbuilt: dict[int, np.ndarray] = {}  # Arrays without their state, by identity.
        self._opcodes_left = MAX_OPCODES
        # Bytes that operations may copy or look through: a file needs each of its bytes twice at most (text made bytes
        # made array). More is one long text used again and again.
        self._copies_left = 2 * size + 2**16

    def run(self) -> Any:
        while True:
            name, argument = self._stream.opcode()
            if name == "STOP":
                break
            self._count(1)
            self._step(name, argument)
        if self._unbuilt:
            raise ValueError("an array without contents")
        result = self._stack.pop()
        require_plain(result)
        return result

    def _step(self, name: str, argument: Any) -> None:
        stack = self._stack
        if name in _PUSHED:
            if isinstance(argument, int) and argument.bit_length() > _MAX_BITS:
                raise RefusedError(f"an integer of {argument.bit_length()} bits; at most {_MAX_BITS}")
            stack.append(argument)
        elif name in _CONSTANTS:
            stack.append(_CONSTANTS[name])
        elif name in _EMPTY:
            stack.append(_EMPTY[name]())
            self._spend(_EMPTY_SET_BYTES if name == "EMPTY_SET" else 0)
        elif name in _SHORT_TUPLES:
            stack.append(tuple(reversed([stack.pop() for _ in range(_SHORT_TUPLES[name])])))
        elif name in ("PUT", "BINPUT", "LONG_BINPUT"):
            self._memo[argument] = stack[-1]
        elif name == "MEMOIZE":
            self._memo[len(self._memo)] = stack[-1]
        elif name in ("GET", "BINGET", "LONG_BINGET"):
            stack.append(self._memo[argument])
        elif name in ("GLOBAL", "INST", "STACK_GLOBAL"):
            self._global(name, argument)
        elif name in _REFUSED:
            raise RefusedError(f"file contains {_REFUSED[name]}; refusing")
        elif name != "PROTO" and name != "FRAME":
            self._combine(name)

    def _combine(self, name: str) -> None:
        """Opcodes that work on the stack alone."""
        if name == "MARK":
            if len(self._below) >= MAX_DEPTH:  # Marks without end would be walked to their end for nothing.
                raise RefusedError(f"values nested more than {MAX_DEPTH} deep")
            self._below.append(self._stack)
            self._stack = []
        elif name in ("TUPLE", "LIST", "DICT"):
            items = self._items()
            self._stack.append(plain_dict(items) if name == "DICT" else tuple(items) if name == "TUPLE" else items)
        elif name in ("APPEND", "APPENDS"):
            items = self._items() if name == "APPENDS" else [self._stack.pop()]
            exactly(self._stack[-1], list).extend(items)
        elif name in ("SETITEM", "SETITEMS"):
            items = self._items() if name == "SETITEMS" else [self._stack.pop(), self._stack.pop()][::-1]
            exactly(self._stack[-1], dict).update(plain_dict(items))
        elif name == "ADDITEMS":
            items = self._items()
            exactly(self._stack[-1], set).update(map(plain_key, items))
        elif name == "REDUCE":
            arguments, function = exactly(self._stack.pop(), tuple), exactly(self._stack.pop(), Global)
            self._stack.append(self._called(function.name, arguments))
        elif name == "BUILD":
            state, value = exactly(self._stack.pop(), tuple), self._stack[-1]
            if isinstance(value, Dtype):
                value.dtype = built_dtype(value.dtype, state)
            elif isinstance(value, np.ndarray) and id(value) in self._unbuilt:
                self._build_array(self._unbuilt.pop(id(value)), state)
            else:
                raise RefusedError(f"file contains a state for {type(value).__name__}; refusing")
        elif name == "POP":
            self._stack.pop() if self._stack else self._items()
        elif name == "POP_MARK":
            self._items()
        elif name == "DUP":
            self._stack.append(self._stack[-1])
        else:
            raise RefusedError(f"file contains opcode {name}; refusing")

    def _items(self) -> list[Any]:
        """Removes the values above the last mark, and the mark, and returns the values."""
        items, self._stack = self._stack, self._below.pop()
        return items

    def _global(self, opcode: str, argument: Any) -> None:
        if opcode == "STACK_GLOBAL":
            attribute, module = exactly(self._stack.pop(), str), exactly(self._stack.pop(), str)
        else:
            module, _, attribute = argument.partition(" ")
        name = f"{_MODULES.get(module, module)}.{attribute}"
        if name not in _ALLOWED or opcode == "INST":
            code = f"{module}.{attribute}"[:100]
            raise RefusedError(f"file contains code object {code if code.isprintable() else repr(code)}; refusing")
        self._stack.append(Global(name))

    def _called(self, name: str, arguments: tuple[Any, ...]) -> Any:
        """The result of REDUCE for an allowed name; arguments that no pickle of plain values has are refused."""
        if name == _RECONSTRUCT and arguments[:2] == (Global(_NDARRAY), (0,)) and len(arguments) == 3:
            array = np.empty(0, np.int8)
            self._unbuilt[id(array)] = array
            return array
        if name == _DTYPE and _DTYPE_CODE.fullmatch(exactly(arguments[0], str)):
            return Dtype(np.dtype("O" if arguments[0].lstrip("<>=|")[0] == "O" else arguments[0]))
        if name == _SCALAR and len(arguments) == 2:
            dtype, data = exactly(arguments[0], Dtype).dtype, self._bytes(arguments[1])
            return self._array(dtype, (), "C", data).item()
        if name == _FROM_BUFFER and len(arguments) == 4:
            data, dtype, shape, order = arguments
            return self._array(exactly(dtype, Dtype).dtype, shape, order, self._bytes(data))
        if name == _ENCODE and len(arguments) == 2 and arguments[1] in ("latin1", "latin-1"):
            return self._bytes(exactly(arguments[0], str))
        if name == _ORDERED_DICT and len(arguments) <= 1:
            pairs = exactly(arguments[0], list) if arguments else []
            self._count(len(pairs))
            return plain_dict([part for key, value in pairs for part in (key, value)])
        if name in _PLAIN_TYPES:
            return self._plain(_PLAIN_TYPES[name], arguments)
        raise RefusedError(f"file contains a call of {name} that no data has; refusing")

    def _plain(self, kind: type, arguments: tuple[Any, ...]) -> Any:
        """A built-in type called without arguments, with a value of its own, or as pickles write sets and bytes."""
        if not arguments:
            return kind()
        value = arguments[0]
        if kind is set and len(arguments) == 1:
            self._count(len(exactly(value, list)))
            return set(map(plain_key, value))
        if kind is bytearray and (len(arguments) == 1 or arguments[1:] == ("latin-1",)):
            return bytearray(self._bytes(value))
        if len(arguments) == 1 and type(value) is kind and kind not in (list, dict, bytearray):
            return value
        raise RefusedError(f"file contains a call of {kind.__name__} that no data has; refusing")

    def _build_array(self, array: np.ndarray, state: tuple[Any, ...]) -> None:
        version, shape, dtype, fortran_order, data = state
        if version != 1 or type(fortran_order) is not bool:
            raise ValueError("an array's state of an unknown version")
        dtype = exactly(dtype, Dtype).dtype
        if dtype.hasobject:
            self._count(len(exactly(data, list)))
            require_shape(shape, len(data))
        else:
            data = self._bytes(data)
            self._spend(len(data))
            require_contents(dtype, shape, data)
        state = (1, shape, dtype, fortran_order, data)
        array.__setstate__(state)  # pyright: ignore[reportArgumentType]  # NumPy's types know only its own bool.

    def _array(self, dtype: np.dtype, shape: Any, order: Any, data: bytes) -> np.ndarray:
        if dtype.hasobject or order not in ("C", "F"):
            raise ValueError("objects as bytes, or an unknown order")
        self._spend(len(data))
        require_contents(dtype, shape, data)
        return np.frombuffer(data, dtype).reshape(shape, order=order)

    def _bytes(self, data: Any) -> bytes:
        """Bytes as they are; text as Python 2 and old protocols write bytes."""
        if type(data) is bytes:
            return data
        self._spend(len(data))
        return exactly(data, str).encode("latin-1") if type(data) is str else bytes(exactly(data, bytearray))

    def _count(self, values: int) -> None:
        """Counts values that are made or copied against `MAX_OPCODES`."""
        self._opcodes_left -= values
        if self._opcodes_left < 0:
            raise RefusedError(f"more than {MAX_OPCODES} opcodes; expected numbers in arrays")

    def _spend(self, copied: int) -> None:
        self._copies_left -= copied
        if self._copies_left < 0:
            raise RefusedError("the same bytes are used again and again; refusing")
