"""Claims: optimised code stays fast, measured by ratios of processor time in one run, never by absolute times.

The bounds are far from what is measured (docs/performance.md): a busy machine must not fail them, the loss of what they
watch does.
"""

import time

import keras
import numpy as np
import tensorflow as tf
from small_models import poses_2d

from benchmarks import turns
from tf_elepose.inference.lifter import Lifter
from tf_elepose.nn.flow import RealNVP
from tf_elepose.training.adam import Adam


def processor_seconds(work):
    """Processor seconds of all threads, which other processes change little."""
    began = time.process_time()
    work()
    return time.process_time() - began


def ratio(work, base, rounds=7):
    """Ratio of the processor times of two functions, which take turns."""
    for one in (work, base):
        one()
    taken = turns.in_turn({name: lambda _, w=w: processor_seconds(w) for name, w in (("a", work), ("b", base))}, rounds)
    return turns.median_ratio(taken["a"], taken["b"])


def test_the_density_computes_each_subnet_once():
    flow = RealNVP(26, blocks=4, width=256, layers=1, seed=0)
    flow.build()
    x = tf.constant(np.random.default_rng(0).normal(size=(2048, 26)), tf.float32)
    ours, bijectors = (tf.function(f) for f in (lambda: flow(x), lambda: flow.distribution().log_prob(x)))
    assert ratio(ours, bijectors) < 0.85  # About 0.5.


def test_adam_is_one_operation():
    rng = np.random.default_rng(0)
    gradients = [tf.constant(rng.normal(size=(512, 512)), tf.float32) for _ in range(4)]

    def updates(optimizer_class):
        weights = [keras.Variable(np.ones((512, 512), np.float32)) for _ in gradients]
        optimizer = optimizer_class(1e-3)
        optimizer.build(weights)

        @tf.function
        def many():
            for _ in tf.range(10):
                optimizer.apply_gradients(list(zip(gradients, weights, strict=True)))

        return many

    assert ratio(updates(Adam), updates(keras.optimizers.Adam)) < 0.85  # About 0.3.


def test_a_pose_of_a_large_array_costs_what_one_of_a_small_array_does():
    lift = Lifter("cmu_small", threads=1)
    many = np.tile(poses_2d(1000), (8, 1, 1))
    small, large = (lambda n=n: lift(many[:n], convention="h36m_17") for n in (1000, 8000))
    assert ratio(large, small, rounds=3) < 2.0 * 8.0  # About 8.
