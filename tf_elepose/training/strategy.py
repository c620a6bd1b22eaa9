"""Chooses the devices that train together."""

from __future__ import annotations

import os

import tensorflow as tf


def make_strategy(name: str = "auto") -> tf.distribute.Strategy:
    """Creates a tf.distribute strategy.

    Args:
      name: "auto" (several workers when the environment variable TF_CONFIG names them, otherwise all GPUs of this
        machine, otherwise its logical CPUs), "mirrored", "multi_worker" or "one_device".

    Raises:
      ValueError: an unknown name, or "multi_worker" without TF_CONFIG.
    """
    if name not in ("auto", "mirrored", "multi_worker", "one_device"):
        raise ValueError(f"unknown strategy {name!r}; expected auto, mirrored, multi_worker or one_device")
    if name == "multi_worker" and "TF_CONFIG" not in os.environ:
        raise ValueError("strategy 'multi_worker' needs the environment variable TF_CONFIG, which names the workers")
    if name == "multi_worker" or (name == "auto" and "TF_CONFIG" in os.environ):
        tf.get_logger().setLevel("WARNING")  # At INFO it logs every reduction that it traces, hundreds of lines.
        ring = tf.distribute.experimental.CommunicationImplementation.RING
        options = tf.distribute.experimental.CommunicationOptions(implementation=ring)
        return tf.distribute.MultiWorkerMirroredStrategy(communication_options=options)
    if name == "one_device":
        return tf.distribute.get_strategy()
    devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    return tf.distribute.MirroredStrategy([device.name for device in devices])


def is_chief(strategy: tf.distribute.Strategy) -> bool:
    """Whether this process writes files: the only one, or the first of several workers."""
    resolver = strategy.cluster_resolver
    if resolver is None or not resolver.task_type:
        return True
    return resolver.task_type == "chief" or (resolver.task_type == "worker" and resolver.task_id == 0)


def lost_worker(strategy: tf.distribute.Strategy, error: tf.errors.OpError) -> bool:
    """Whether `error` shows that another worker was lost: joint computations then fail on all workers that are left."""
    if not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
        return False
    of_network = (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.DeadlineExceededError)
    return isinstance(error, of_network) or "ollective" in str(error)


def fast_precision() -> str:
    """The faster dtype policy of this machine: "mixed_bfloat16" if the hardware multiplies bfloat16, else "float32".

    docs/training.md has the rates measured on CPU cores with AMX; processors without such instructions emulate them,
    which is slower than float32.
    """
    if tf.config.list_physical_devices("GPU"):
        return "mixed_bfloat16"
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            flags = next((line.split() for line in file if line.startswith("flags")), [])
    except OSError:
        flags = []
    return "mixed_bfloat16" if {"avx512_bf16", "amx_bf16"} & set(flags) else "float32"


def precision_of(name: str) -> str:
    """The dtype policy that a setting means: `name` itself, or for "auto" `fast_precision`."""
    return fast_precision() if name == "auto" else name
