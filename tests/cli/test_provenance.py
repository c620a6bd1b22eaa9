"""Provenance records what a result was made with, and leaves out what cannot be known."""

import datetime
import shutil
import subprocess
import sys
from importlib import metadata

import numpy as np
import pytest

from tf_elepose.cli import provenance


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """Puts the package into a new git checkout; returns a function that runs git there."""
    if shutil.which("git") is None:
        pytest.skip("there is no git")
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__init__.py").write_text("")
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):  # Set where tests run as a hook of git.
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(provenance, "_PACKAGE", tmp_path / "package")

    def git(*arguments):
        identity = ("-c", "user.name=a", "-c", "user.email=a@example.org")
        command = ["git", *identity, *arguments]
        return subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True).stdout.strip()

    git("init")
    return git


def test_date_hardware_and_versions_are_recorded():
    made = provenance.provenance()
    age = datetime.datetime.now(datetime.UTC) - datetime.datetime.fromisoformat(made["date"])
    assert datetime.timedelta(0) <= age < datetime.timedelta(minutes=1)
    assert made["versions"]["numpy"] == np.__version__
    assert made["versions"]["python"] == sys.version.split()[0]
    assert " x " in made["hardware"]


def test_only_cores_that_the_process_may_use_are_counted(monkeypatch):
    monkeypatch.setattr(provenance.os, "cpu_count", lambda: 64)
    monkeypatch.setattr(provenance.os, "sched_getaffinity", lambda process: {1, 3, 5}, raising=False)
    assert provenance.provenance()["hardware"].startswith("3 x ")
    monkeypatch.delattr(provenance.os, "sched_getaffinity")  # As on macOS.
    assert provenance.provenance()["hardware"].startswith("64 x ")


def test_commit_and_changes_are_recorded(checkout, tmp_path):
    checkout("add", ".")
    checkout("commit", "--message=one")
    commit = checkout("rev-parse", "--short", "HEAD")
    (tmp_path / "notes.txt").write_text("untracked")
    assert provenance.provenance()["commit"] == commit
    (tmp_path / "package" / "__init__.py").write_text("# changed")
    assert provenance.provenance()["commit"] == commit + "+changes"


def test_a_package_outside_of_the_checkout_has_no_commit(checkout, tmp_path, capfd):
    assert "commit" not in provenance.provenance()  # Nothing is committed yet.
    (tmp_path / "other").write_text("")
    checkout("add", "other")
    checkout("commit", "--message=one")
    assert "commit" not in provenance.provenance()
    shutil.rmtree(tmp_path / ".git")
    assert "commit" not in provenance.provenance()
    assert capfd.readouterr().err == ""


def test_without_git_there_is_no_commit(monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert "commit" not in provenance.provenance()


def test_a_package_installed_under_another_name_has_its_imported_version(monkeypatch):
    def none_found(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(provenance.metadata, "version", none_found)
    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)
    versions = provenance.provenance()["versions"]
    assert versions["numpy"] == np.__version__ and "tensorflow" not in versions
