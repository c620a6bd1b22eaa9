"""Damage to pickles, and hostile pickles."""

from __future__ import annotations

import pathlib
import struct

from mutations.draws import InapplicableError, Random, pick

MARKER = "code-was-run"
"""The file in the sample's folder that a hostile pickle creates if its code is run."""


def pickle_opcode(data: bytes, rng: Random, folder: pathlib.Path) -> bytes:
    """An opcode put in, taken out or exchanged."""
    import pickletools

    try:
        places = [place for _, _, place in pickletools.genops(data)]
    except Exception:
        raise InapplicableError from None
    at, code = (
        pick(rng, places),
        bytes([ord(pick(rng, "(.01234FGIJKLMNPQRSTUVXabcdeghijlopqrstu}])\x80\x85\x8a\x8b\x94"))]),
    )
    other = pick(rng, places)
    return pick(rng, (data[:at] + code + data[at:], data[:at] + code + data[at + 1 :], data[:at] + data[other:]))


def pickle_hostile(data: bytes, rng: Random, folder: pathlib.Path) -> bytes:
    """A pickle that runs a command, asks for much memory, or is nested deeply."""
    marker = str(folder / MARKER).encode()
    code = b"open('" + marker + b"', 'w').close()"
    doubling = b"(lp0\n" + b"".join(b"(g%d\ng%d\ntp%d\n" % (i, i, i + 1) for i in range(60)) + b"."
    return pick(
        rng,
        (
            b"cos\nsystem\n(S'touch " + marker + b"'\ntR.",
            b"\x80\x02cbuiltins\nexec\nX" + struct.pack("<I", len(code)) + code + b"\x85R.",
            b"\x80\x02cnumpy\nzeros\nJ\xff\xff\xff\x7f\x85R.",
            b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nJ\xff\xff\xff\x7f\x85c_codecs\nencode\n\x87R.",
            b"\x80\x04\x8e" + struct.pack("<Q", 2**40) + b"a.",
            b"\x80\x02\x8b" + struct.pack("<I", 2**31 - 1) + b"\0" * 10 + b".",
            b"\x80\x02" + b"]" * 200000 + b"a" * 199999 + b".",
            b"\x80\x02" + b"(" * 200000 + b"t" * 200000 + b".",
            b"\x80\x02]r\xff\xff\xff\x7f.",  # A memo of 2^31 places.
            b"I" + b"9" * 200000 + b"\n.",
            doubling,
            b"\x80\x02}q\0X\1\0\0\0ah\0s.",  # A mapping that holds itself.
        ),
    )  # fmt: skip
