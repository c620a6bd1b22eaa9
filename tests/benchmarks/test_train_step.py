"""Claims: processes take turns, a task's file gives the same method, and PyTorch's step equals the package's."""

import importlib.util
import os
import sys

import numpy as np
import pytest
import small_models

from benchmarks import train_step, turns
from benchmarks.speed import step_profile, step_task
from tf_elepose.storage import files

TORCH_PYTHON = os.environ.get("TORCH_PYTHON", sys.executable)


@pytest.fixture
def task(tmp_path):
    """A task of small networks, in the paper's architecture."""
    return small_task(tmp_path, "paper")


def small_task(tmp_path, size):
    config = step_task.size_config(size)
    config.lifter.width = config.prior.width = 8
    config.prior.blocks, config.prior.bases, config.lifter.batch_size = 2, 6, 16
    images, normalizer = small_models.normalized()
    files.write_npz(tmp_path / "task.npz", step_task.task_arrays(config, normalizer, images))
    return tmp_path / "task.npz"


def test_workers_answer_in_turn_and_one_that_fails_is_an_error():
    with turns.Worker("benchmarks.robustness.limits", "1") as worker:
        assert worker.facts == {"threads": 1} and worker.started_s > 0.0
        assert worker.ask("read", size=100_000)["gb_per_s"] > 0.0
        with pytest.raises(ValueError, match=r"benchmarks\.robustness\.limits 1: .*nonsense"):
            worker.ask("nonsense")
    said = []
    turns.in_turn({name: lambda n, name=name: said.append((n, name)) for name in "ab"}, 2)
    assert said == [(0, "a"), (0, "b"), (1, "a"), (1, "b")]


def test_the_ratio_is_that_of_neighbours():
    assert turns.median_ratio([2.0, 20.0, 9.0], [1.0, 10.0, 3.0]) == 2.0
    assert turns.median_ratio([2.0, 20.0, 9.0, 4.0], [1.0, 10.0, 3.0, 1.0]) == 2.5


def test_a_method_read_from_its_task_has_the_same_terms_and_gradients(task, tmp_path):
    names = ("perturbed", "batch", "again", "same")
    perturbed, batch, again, same = (tmp_path / f"{name}.npz" for name in names)
    said = step_task.write_comparison(task, perturbed, batch, poses=8)
    assert step_task.differences(said, step_task.write_comparison(task, again, same, poses=8)) == {
        "terms": 0.0, "gradients": 0.0,
    }  # fmt: skip
    assert {name.partition("/")[0] for name in said} == {"terms", "gradients"}
    assert all(np.any(values) for name, values in said.items() if name.startswith("terms/") and "knees" not in name)
    with pytest.raises(ValueError, match="only one of the two programs has terms/bone"):
        step_task.differences(said, {name: values for name, values in said.items() if name != "terms/bone"})


def test_operations_are_counted_by_hand(task):
    settings, _, weights = step_task.read_task(task)
    kernels = {name: w.size for name, w in weights.items() if name.startswith("lifter/") and name.endswith("/kernel")}
    depth = sum(size for name, size in kernels.items() if "elevation" not in name)
    prior = sum(w.size for name, w in weights.items() if name.startswith("prior/flow") and name.endswith("/kernel"))
    rotations = sum(w.size for name, w in weights.items() if name.endswith("/rotation"))
    # Each pass forwards, for weights, for inputs; the second without the elevation, which no term asks for.
    lifter = 3 * (sum(kernels.values()) + depth) - kernels["lifter/upscale/kernel"]
    rest = 2 * (prior + rotations + weights["prior/basis"].size)
    assert step_task.operations(settings) == 2 * (lifter + rest)
    settings["term_weights"]["elevation"] = 1.0
    lifter += 3 * (sum(kernels.values()) - depth)
    assert step_task.operations(settings) == 2 * (lifter + rest)


def test_a_profile_is_the_time_of_operations_by_kind():
    """Names are those of TensorFlow's profiler; events that enclose operations do not count."""
    events = [
        ("ExecutorState::Process", 100.0), ("EagerLocalExecute: __inference_steps_1", 90.0),
        ("while/body/_1/while/lifter/MatMul:_MklMatMul", 6.0), ("while/body/_1/while/x:_MklNativeFusedMatMul", 2.0),
        ("while/body/_1/while/Cast_3:Cast", 1.0), ("while/body/_1/while/StridedSlice:StridedSlice", 0.5),
    ]  # fmt: skip
    spent = step_profile.by_kind(events, 2)
    assert {kind: ms for kind, ms in spent.items() if ms} == {
        "matrix products": 4.0, "to bfloat16 and back": 0.5, "all else": 0.25,
    }  # fmt: skip
    results = {"size": "paper", "precision": "float32", "step_ms": 8.0, "kinds": spent}
    assert "| matrix products | 4.0 | 84 % |" in step_profile.markdown(results)


@pytest.mark.skipif(
    sys.executable == TORCH_PYTHON and importlib.util.find_spec("torch") is None,
    reason="PyTorch is not installed; the environment variable TORCH_PYTHON names a Python that has it",
)
@pytest.mark.parametrize("size", ["paper", "default"])
def test_pytorch_computes_the_same_objective(tmp_path, size):
    worst = train_step.compared(str(small_task(tmp_path, size)), TORCH_PYTHON)
    assert worst["terms"] < 1e-4 and worst["gradients"] < 1e-4


def test_a_table_says_sizes_and_shares_of_the_peak():
    row = {
        "size": "paper", "variant": "TensorFlow graph, bfloat16", "width": 1024, "batch_size": 256,
        "samples_per_second": 4400, "lowest": 4000, "highest": 4500, "ratio": 3.3, "first_step_s": 9.0,
        "memory_mb": 1000, "gflops": 300.0,
    }  # fmt: skip
    results = {"rows": [row], "limits": {"float32": 200.0, "bfloat16": 400.0}, "parity": {}}
    cells = [cell.strip() for cell in train_step.markdown(results).splitlines()[2].strip("|").split("|")]
    assert cells == [
        "paper (1024, batch 256)", "TensorFlow graph, bfloat16", "4,400 (4,000 to 4,500)", "3.30", "300", "75 %", "9.0",
        "1,000",
    ]  # fmt: skip
    variants = {"a": {}, "PyTorch eager, float32": {}}
    assert train_step.base_of(variants) == "PyTorch eager, float32" and train_step.base_of({"a": {}}) == "a"
