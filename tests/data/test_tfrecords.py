"""The framing of TFRecord files is TensorFlow's."""

import io

import numpy as np
import tensorflow as tf

from tf_elepose.data import tfrecords


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
