"""The examples for Kubernetes call commands that exist, with flags that they take."""

import pathlib
import sys

import pytest
import yaml
from absl import flags

from tf_elepose import batch_lift, launch, train
from tf_elepose.cli import commands

FOLDER = pathlib.Path(__file__).parents[1] / "docs" / "kubernetes"


@pytest.fixture
def documents(request):
    return list(yaml.safe_load_all((FOLDER / request.param).read_text(encoding="utf-8")))


def container(job, **environment):
    """The command and arguments of a job's container, its variables filled in."""
    (found,) = job["spec"]["template"]["spec"]["containers"]
    names = {entry["name"] for entry in found.get("env", ())}
    assert names == set(environment)
    arguments = found["args"]
    for name, value in environment.items():
        arguments = [argument.replace(f"$({name})", value) for argument in arguments]
    assert not [argument for argument in arguments if "$(" in argument]
    return found["command"], arguments


def run(monkeypatch, module, arguments, main, **options):
    monkeypatch.setattr(sys, "argv", [module.__name__, *arguments])
    with pytest.raises(SystemExit) as stopped:
        commands.run(main, module.define_flags, **options)
    assert not stopped.value.code


@pytest.mark.parametrize("documents", ["training.yaml"], indirect=True)
def test_the_training_job_starts_every_worker_with_existing_flags(documents, monkeypatch):
    service, job = documents
    spec = job["spec"]
    assert service["metadata"]["name"] == spec["template"]["spec"]["subdomain"]
    assert service["spec"]["selector"] == {"job-name": job["metadata"]["name"]}
    assert spec["completions"] == spec["parallelism"] and spec["completionMode"] == "Indexed"
    started = []
    monkeypatch.setattr(
        launch, "supervise", lambda addresses, mine, command, _: started.append((addresses(), mine, command)) or 0
    )
    for index in range(spec["completions"]):
        command, arguments = container(job, WORKER_INDEX=str(index))
        assert command == ["python", "-m", "tf_elepose.launch"]
        run(monkeypatch, launch, arguments, launch.main, unknown=True)
    assert [mine for _, mine, _ in started] == [[index] for index in range(spec["completions"])]
    name, subdomain = job["metadata"]["name"], service["metadata"]["name"]
    hosts, _, command = started[0]
    port = job["spec"]["template"]["spec"]["containers"][0]["ports"][0]["containerPort"]
    assert hosts == [f"{name}-{index}.{subdomain}:{port}" for index in range(spec["completions"])]
    assert command[1:3] == ["-m", "tf_elepose.train"]
    monkeypatch.chdir(FOLDER.parents[1])
    seen = []
    run(monkeypatch, train, command[3:], lambda argv: seen.append(flags.FLAGS.config.strategy))
    assert seen == ["multi_worker"]


@pytest.mark.parametrize("documents", ["training.yaml", "batch_lift.yaml"], indirect=True)
def test_a_mistake_ends_the_job_and_a_lost_worker_does_not(documents):
    (rule,) = documents[-1]["spec"]["podFailurePolicy"]["rules"]
    assert rule["action"] == "FailJob"
    assert rule["onExitCodes"] == {"operator": "In", "values": [commands.EXIT_ERROR]}
    assert documents[-1]["spec"]["template"]["spec"]["restartPolicy"] == "Never"


@pytest.mark.parametrize("documents", ["batch_lift.yaml"], indirect=True)
def test_the_lifting_job_has_existing_flags(documents, monkeypatch):
    pytest.importorskip("apache_beam", reason="Apache Beam is not installed: pip install 'tf_elepose[beam]'")
    command, arguments = container(documents[0])
    assert command == ["python", "-m", "tf_elepose.batch_lift"]
    given = []
    run(monkeypatch, batch_lift, arguments, lambda argv: given.append((flags.FLAGS.model, argv[1:])), unknown=True)
    ((model, rest),) = given
    options = batch_lift.pipeline_options(rest).get_all_options()
    assert model == "cmu" and options["direct_num_workers"] == 16
