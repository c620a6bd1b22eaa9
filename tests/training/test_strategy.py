"""Strategies: the devices of each name, and the worker that writes."""

import io
import types

import pytest
import tensorflow as tf

from tf_elepose.training import strategy as strategies
from tf_elepose.training.strategy import fast_precision, is_chief, make_strategy


def test_an_unknown_name_is_refused():
    with pytest.raises(ValueError, match="unknown strategy 'tpu'; expected auto, mirrored, multi_worker or one_device"):
        make_strategy("tpu")


def test_several_workers_need_tf_config(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    with pytest.raises(ValueError, match="needs the environment variable TF_CONFIG"):
        make_strategy("multi_worker")


@pytest.mark.parametrize("name", ["auto", "mirrored"])
def test_every_device_of_the_machine_is_a_replica(monkeypatch, name):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    strategy = make_strategy(name)
    assert isinstance(strategy, tf.distribute.MirroredStrategy)
    devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    assert strategy.num_replicas_in_sync == len(devices)
    assert is_chief(strategy)


def test_one_device_is_one_replica():
    strategy = make_strategy("one_device")
    assert strategy.num_replicas_in_sync == 1 and is_chief(strategy)


@pytest.mark.parametrize(
    ("task", "chief"),
    [
        ((None, None), True),
        (("chief", 0), True),
        (("worker", 0), True),
        (("worker", 1), False),
        (("evaluator", 0), False),
    ],
)
def test_the_first_worker_writes(task, chief):
    resolver = types.SimpleNamespace(task_type=task[0], task_id=task[1])
    assert is_chief(types.SimpleNamespace(cluster_resolver=resolver)) is chief


@pytest.mark.parametrize(
    ("cpuinfo", "precision"),
    [
        ("processor : 0\nflags\t\t: fpu sse2 avx512_bf16 lm\n", "mixed_bfloat16"),
        ("flags : fpu amx_bf16 amx_tile\nbugs : none\n", "mixed_bfloat16"),
        ("flags : fpu sse2 avx512f\nbugs : amx_bf16 is not one\n", "float32"),
        ("Features : fp asimd bf16\n", "float32"),  # Another kind of processor: not measured.
        ("", "float32"),
    ],
)
def test_the_fast_precision_follows_the_processors_flags(monkeypatch, cpuinfo, precision):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [])
    opened = []
    monkeypatch.setattr(
        strategies, "open", lambda path, **_: opened.append(path) or io.StringIO(cpuinfo), raising=False
    )
    assert fast_precision() == precision and opened == ["/proc/cpuinfo"]


def test_the_fast_precision_of_a_system_without_cpuinfo_is_float32_and_of_a_gpu_bfloat16(monkeypatch):
    def missing(path, **_):
        raise FileNotFoundError(path)

    monkeypatch.setattr(strategies, "open", missing, raising=False)
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [])
    assert fast_precision() == "float32"
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: ["one"] if kind == "GPU" else [])
    assert fast_precision() == "mixed_bfloat16"
