"""The framing of TFRecord files is TensorFlow's."""

import io

import numpy as np
import tensorflow as tf

from tf_elepose.data.shards import tfrecords


def test_tensorflow_writes_the_same_bytes(tmp_path):
    records = [b"", b"a", b"12345678", bytes(999), b"123456789" * 7]
    with tf.io.TFRecordWriter(str(tmp_path / "theirs")) as writer:
        for record in records:
            writer.write(record)
    theirs = (tmp_path / "theirs").read_bytes()
    assert tfrecords.frame(records)[0] == theirs
    parts = list(tfrecords.read_records(io.BytesIO(theirs), "theirs", 1000))
    assert [record for part, _ in parts for record in part] == records


def test_checksums_are_those_of_rfc_3720():
    masked = tfrecords.masked_crc32c([bytes(32), b"\xff" * 32, bytes(range(32)), b"123456789"])
    plain = (masked - np.uint32(0xA282EAD8)).astype(np.uint32)
    plain = (plain >> 17) | (plain << 15)
    assert [hex(value) for value in plain] == ["0x8a9136aa", "0x62a8ab43", "0x46dd794e", "0xe3069283"]


def _sound(data):
    parts = list(tfrecords.read_sound_records(io.BytesIO(data), "file", 1000))
    records = [record for part, _, _ in parts for record in part]
    numbers = [number for _, part, _ in parts for number in part.tolist()]
    return records, numbers, {number: reason for _, _, part in parts for number, reason in part.items()}


def test_sound_records_are_found_among_damaged_ones():
    records = [bytes([number]) * 20 for number in range(5)]
    whole = bytearray(tfrecords.frame(records)[0])
    each = len(whole) // 5
    assert _sound(whole) == (records, [0, 1, 2, 3, 4], {})
    damaged = whole.copy()
    damaged[each + 15] ^= 1
    found, numbers, problems = _sound(damaged)
    assert (found, numbers, set(problems)) == ([records[n] for n in (0, 2, 3, 4)], [0, 2, 3, 4], {1})
    damaged[3 * each] ^= 1  # A length: what follows cannot be found.
    found, numbers, problems = _sound(damaged)
    assert (numbers, set(problems)) == ([0, 2], {1, 3}) and "length is damaged" in problems[3]
    found, numbers, problems = _sound(whole[:-10])
    assert (found, numbers, set(problems)) == (records[:4], [0, 1, 2, 3], {4}) and "cut short" in problems[4]
    assert _sound(b"") == ([], [], {})
