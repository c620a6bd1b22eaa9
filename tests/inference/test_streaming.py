"""Parts that are read ahead: one, in order, and what goes wrong in its place."""

import threading

import pytest

from tf_elepose.inference import streaming


def test_the_next_part_is_made_while_one_is_used_and_no_more():
    made = [threading.Event() for _ in range(4)]

    def items():
        for number, event in enumerate(made):
            event.set()
            yield number

    ahead = streaming._read_ahead(items())
    assert next(ahead) == 0
    assert made[1].wait(10) and not made[2].is_set()
    assert list(ahead) == [1, 2, 3]


@pytest.mark.parametrize("fails_at", [0, 2])
def test_an_error_while_reading_ahead_is_raised_after_the_earlier_parts(fails_at):
    def items():
        for number in range(4):
            if number == fails_at:
                raise ValueError("here")
            yield number

    got = []
    with pytest.raises(ValueError, match="here"):
        got.extend(streaming._read_ahead(items()))
    assert got == list(range(fails_at))
