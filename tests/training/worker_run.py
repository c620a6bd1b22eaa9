"""The training command with every model's depths counted as right and a quick completer, for test_multi_worker.py.

A program of its own, since every worker is a process. Such a short run's depths are the wrong way round as often as
not, and only what passes the check leaves a model. Arguments: the command's. Without arguments it makes workers: they
are copies of this process, which has imported TensorFlow, since the import takes longer than what a worker does. Each
line of standard input is {"arguments", "environment", "output"} of a worker, whose process id is the answer, or
{"wait": process id}, whose answer is the exit status. It uses no operation of TensorFlow itself, for only then has a
process no threads, which a copy would lack.
"""

import importlib
import json
import os
import sys

from tf_elepose import train
from tf_elepose.cli import commands
from tf_elepose.evaluation import depth_sign
from tf_elepose.nn import pose_statistics

depth_sign.sign_verdict = lambda summary: "right"
pose_statistics.ITERATIONS = 2

USED = ("recipes.elepose.run", "training.workdir", "training.evaluator", "cli.provenance", "data.synthetic")


def start(arguments, environment, output):
    """Process id of a worker; what it prints goes to the files `output`.out and `output`.err."""
    worker = os.fork()
    if worker:
        return worker
    os.environ.update(environment)
    for suffix, descriptor in (("out", 1), ("err", 2)):
        os.dup2(os.open(f"{output}.{suffix}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC), descriptor)
    sys.argv[1:] = arguments
    commands.run(train.main, train.define_flags, tensorflow=True)


def status_of(worker):
    return os.waitstatus_to_exitcode(os.waitpid(worker, 0)[1])


def make_workers():
    for name in ("tensorflow", *(f"tf_elepose.{part}" for part in USED)):
        importlib.import_module(name)
    assert len(os.listdir("/proc/self/task")) == 1
    for line in sys.stdin:
        task = json.loads(line)
        answer = status_of(task["wait"]) if "wait" in task else start(**task)
        print(answer, flush=True)


if __name__ == "__main__":
    if sys.argv[1:]:
        commands.run(train.main, train.define_flags, tensorflow=True)
    make_workers()
