"""The metric log has one valid JSON line a step, whatever stops the process."""

import contextlib
import errno
import json
import os

import numpy as np
import pytest

from tf_elepose.training.metric_log import MetricLog, read_metric_log


def test_a_line_a_step(tmp_path):
    path = tmp_path / "metrics.jsonl"
    with MetricLog(path) as log:
        log.write(1, {"loss": 0.5}, phase="prior")
        assert path.read_text() == '{"step": 1, "phase": "prior", "loss": 0.5}\n'  # Before the file is closed.
        log.write(2, {"loss": np.float32(0.25), "count": np.int64(3)})
        log.close()
    assert read_metric_log(path) == [
        {"step": 1, "phase": "prior", "loss": 0.5},
        {"step": 2, "loss": 0.25, "count": 3.0},
    ]
    with MetricLog(path) as log:
        log.write(3, {})
    assert [line["step"] for line in read_metric_log(path)] == [1, 2, 3]


def test_numbers_that_are_not_finite_are_null(tmp_path):
    with MetricLog(tmp_path / "m.jsonl") as log:
        log.write(1, {"a": float("nan"), "b": float("inf"), "c": -np.inf, "d": 1.0})

    def refuse(name):
        raise AssertionError(name)

    line = json.loads((tmp_path / "m.jsonl").read_text(), parse_constant=refuse)
    assert line == {"step": 1, "a": None, "b": None, "c": None, "d": 1.0}


@pytest.mark.parametrize(
    ("values", "extra", "message"),
    [
        ({"loss": 1.0}, {"loss": "x"}, "loss given twice"),
        ({"step": 1.0}, {}, "step given twice"),
        ({"loss": "high"}, {}, "step 5 cannot be logged"),
        ({}, {"x": object()}, "step 5 cannot be logged"),
    ],
)
def test_values_that_cannot_be_logged_leave_no_line(tmp_path, values, extra, message):
    with MetricLog(tmp_path / "m.jsonl") as log, pytest.raises(ValueError, match=message):
        log.write(5, values, **extra)
    assert read_metric_log(tmp_path / "m.jsonl") == []


def test_resuming_drops_the_later_lines(tmp_path):
    path = tmp_path / "m.jsonl"
    with MetricLog(path) as log:
        for step in (10, 20, 30, 40):
            log.write(step, {"loss": 1.0 / step})
    before = path.read_text().splitlines(keepends=True)
    with MetricLog(path) as log:
        log.truncate_after(20)
        assert path.read_text() == "".join(before[:2])
        log.write(30, {"loss": 9.0})
    assert [(line["step"], line["loss"]) for line in read_metric_log(path)] == [(10, 0.1), (20, 0.05), (30, 9.0)]


def test_truncating_can_keep_to_one_phase(tmp_path):
    path = tmp_path / "m.jsonl"
    with MetricLog(path) as log:
        for phase in ("prior", "lifter"):
            for step in (1, 2, 3):
                log.write(step, {"loss": 1.0}, phase=phase)
        log.truncate_after(1, phase="lifter")
    assert [(line["phase"], line["step"]) for line in read_metric_log(path)] == [
        ("prior", 1), ("prior", 2), ("prior", 3), ("lifter", 1),
    ]  # fmt: skip


@pytest.mark.parametrize("torn", [b'{"step": 3, "lo', b"\0" * 40, b'{"step": 3}\xff', b"{}"])
def test_a_cut_off_last_line_is_left_out_and_removed(tmp_path, torn):
    path = tmp_path / "m.jsonl"
    whole = b'{"step": 1, "loss": 1.0}\n{"step": 2, "loss": 0.5}\n'
    path.write_bytes(whole + torn)
    assert [line["step"] for line in read_metric_log(path)] == [1, 2]
    MetricLog(path).close()
    assert path.read_bytes() == whole
    path.write_bytes(whole + torn)
    with MetricLog(path) as log:
        log.truncate_after(1)
        log.write(2, {"loss": 0.25})
    assert [(line["step"], line["loss"]) for line in read_metric_log(path)] == [(1, 1.0), (2, 0.25)]


def test_a_last_line_that_only_lacks_its_end_is_kept(tmp_path):
    (tmp_path / "m.jsonl").write_text('{"step": 1}\n{"step": 2}')
    with MetricLog(tmp_path / "m.jsonl") as log:
        log.write(3, {})
    assert (tmp_path / "m.jsonl").read_text() == '{"step": 1}\n{"step": 2}\n{"step": 3}\n'


@pytest.mark.parametrize(
    "content", ['{"step": 1}\nhello\n{"step": 2}\n', '{"step": 1}\n[2]\n', '{"step": 1}\n{"loss": 2}\n']
)
def test_damage_before_the_end_is_an_error_and_nothing_is_removed(tmp_path, content):
    path = tmp_path / "m.jsonl"
    path.write_text(content)
    for use in (read_metric_log, MetricLog):
        with pytest.raises(ValueError, match=r"m\.jsonl, line 2: expected a JSON object with a step"):
            use(path)
    assert path.read_text() == content


def test_a_full_disk_leaves_whole_lines(tmp_path, monkeypatch):
    path = tmp_path / "m.jsonl"
    real = os.write
    room = [30]

    def nearly_full(descriptor, data):
        if room[0] == 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written = real(descriptor, bytes(data)[: room[0]])
        room[0] -= written
        return written

    with MetricLog(path) as log:
        with monkeypatch.context() as patched:
            patched.setattr(os, "write", nearly_full)
            log.write(1, {"loss": 0.5})  # 24 characters; then there is room for 6.
            with pytest.raises(OSError, match=r"No space left on device.*m\.jsonl"):
                log.write(2, {"loss": 0.5})
        assert path.read_text() == '{"step": 1, "loss": 0.5}\n'
        log.write(2, {"loss": 0.25})
    assert [line["step"] for line in read_metric_log(path)] == [1, 2]


def test_errors_name_the_file(tmp_path):
    with pytest.raises(ValueError, match=r"none\.jsonl"):
        read_metric_log(tmp_path / "none.jsonl")
    with pytest.raises(OSError, match=r"none/m\.jsonl"):
        MetricLog(tmp_path / "none" / "m.jsonl")
    log = MetricLog(tmp_path / "m.jsonl")
    log.close()
    with pytest.raises(ValueError, match="closed"):
        log.write(1, {})


def test_tensorboard_gets_the_same_numbers(tmp_path):
    with MetricLog(tmp_path / "m.jsonl", tmp_path / "events") as log:
        for step, loss in ((1, 0.5), (2, 0.25)):
            log.write(step, {"loss": loss, "gone": float("nan")}, phase="prior")
        log.write(3, {"seconds": 1.0})
        log.sync()
    import tensorflow as tf

    (path,) = (tmp_path / "events").iterdir()
    scalars = [
        (event.step, value.tag, float(tf.make_ndarray(value.tensor)))
        for event in tf.compat.v1.train.summary_iterator(str(path))
        for value in event.summary.value
    ]
    assert [entry for entry in scalars if entry[1] == "prior/loss"] == [(1, "prior/loss", 0.5), (2, "prior/loss", 0.25)]
    assert {tag for _, tag, _ in scalars} == {"prior/loss", "prior/gone", "seconds"}


def test_a_folder_that_tensorboard_cannot_write_is_named(tmp_path):
    (tmp_path / "events").write_text("in the way")
    with pytest.raises(OSError, match=r"cannot be written: Not a directory: '.*/events'") as raised:
        MetricLog(tmp_path / "m.jsonl", tmp_path / "events")
    assert raised.value.filename == str(tmp_path / "events")


class _FailingWriter:
    """A summary writer that fails as on a full disk."""

    def __init__(self, fails):
        self._fails = fails

    def _call(self, name):
        import tensorflow as tf

        if name in self._fails:
            raise tf.errors.ResourceExhaustedError(None, None, f"{name}: the disk is full")

    def as_default(self):
        self._call("write")
        return contextlib.nullcontext()

    def flush(self):
        self._call("flush")

    def close(self):
        self._call("close")


def _log_with_failing_writer(folder, monkeypatch, *fails):
    import tensorflow as tf

    monkeypatch.setattr(tf.summary, "create_file_writer", lambda folder: _FailingWriter(fails))
    return MetricLog(folder / "m.jsonl", folder / "events")


@pytest.mark.parametrize(
    ("fails", "call"),
    [
        ("write", lambda log: log.write(2, {"loss": 1.0})),
        ("flush", lambda log: log.sync()),
        ("flush", lambda log: log.close()),
        ("close", lambda log: log.close()),
    ],
)
def test_tensorboard_errors_are_os_errors_and_the_lines_stay(tmp_path, monkeypatch, fails, call):
    log = _log_with_failing_writer(tmp_path, monkeypatch, fails)
    if fails != "write":
        log.write(1, {})
    with pytest.raises(OSError, match=f"cannot be written: {fails}: the disk is full: '.*/events'"):
        call(log)
    assert len(read_metric_log(tmp_path / "m.jsonl")) == 1


def test_a_log_that_cannot_be_closed_hides_no_error(tmp_path, monkeypatch):
    with pytest.raises(KeyError, match="the reason"), _log_with_failing_writer(tmp_path, monkeypatch, "flush", "close"):
        raise KeyError("the reason")
    with pytest.raises(OSError, match="the disk is full"), _log_with_failing_writer(tmp_path, monkeypatch, "close"):
        pass
