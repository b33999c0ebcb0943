"""The set-up installs a program of one name, which all that is written for people calls by it."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from adapters.config.settings import ENV_PREFIX, PROJECT, Settings
from cli.app import app

OPTIONS = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
PACKAGED = [pattern.removesuffix("*") for pattern in OPTIONS["tool"]["setuptools"]["packages"]["find"]["include"]]


@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make here")
def test_the_set_up_makes_a_program_that_runs_from_any_folder(tmp_path: Path) -> None:
    folder = tmp_path / "an environment" / "bin"
    folder.mkdir(parents=True)
    (folder / "python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    (folder / "python").chmod(0o755)
    linked = tmp_path / "environment"
    linked.symlink_to(folder.parent)

    made = subprocess.run(["make", "-s", f"VENV={linked}", f"{linked}/bin/duecourse"], cwd=PROJECT, capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    called = subprocess.run([str(folder / "duecourse"), "audit", "--help"], cwd=tmp_path, capture_output=True, text=True)

    assert (called.returncode, called.stderr) == (0, "")
    assert "Usage: duecourse audit" in called.stdout


def test_an_installed_package_would_have_every_file_that_is_shipped() -> None:
    patterns = OPTIONS["tool"]["setuptools"]["package-data"]["*"]
    shipped = [file for name in PACKAGED for file in (PROJECT / name).rglob("*.*") if file.is_file() and "__pycache__" not in file.parts]

    assert len(shipped) > 100
    assert [file for file in shipped if file.suffix != ".py" and not any(file.match(pattern) for pattern in patterns)] == []
    assert OPTIONS["project"]["scripts"] == {"duecourse": "duecourse:main"}


def test_what_people_read_calls_it_by_one_name() -> None:
    pages = [PROJECT / "README.md", *(PROJECT / "docs").rglob("*.md")]
    modules = [file for name in PACKAGED for file in (PROJECT / name).rglob("*.py")]
    other_name = re.compile(r"duecourse\.py [a-z]|python duecourse|-m duecourse")

    assert [str(file) for file in (*pages, *modules) if other_name.search(file.read_text(encoding="utf-8"))] == []


def test_every_setting_that_the_page_on_deployment_names_is_one() -> None:
    pages = [PROJECT / "docs" / "deployment.md", *(PROJECT / "docs" / "systemd").iterdir()]
    named = {name for page in pages for name in re.findall(r"\b(DUECOURSE(?:_[A-Z]+)+)\b", page.read_text(encoding="utf-8"))}

    assert named >= {"DUECOURSE_DATABASE_URL", "DUECOURSE_WORKER_PORT"}
    assert named - {f"{ENV_PREFIX}{name.upper()}" for name in Settings.model_fields} == set()


def test_every_unit_runs_a_command_and_every_command_on_the_page_on_deployment_is_one() -> None:
    page = (PROJECT / "docs" / "deployment.md").read_text(encoding="utf-8")
    units = {unit.name: unit.read_text(encoding="utf-8") for unit in (PROJECT / "docs" / "systemd").iterdir()}
    start = re.compile(r"^ExecStart=/opt/duecourse/\.venv/bin/duecourse (\w+)$", re.MULTILINE)
    run = [words for text in units.values() for words in start.findall(text)]
    typed = re.findall(r"^    (?:sudo -u duecourse )?duecourse ((?:[a-z-]+ ?)+)", page, re.M)
    group = get_command(app)
    assert isinstance(group, TyperGroup)

    assert sorted(run) == ["api", "prepare", "worker"]
    assert len(typed) > 5
    assert {words.split()[0] for words in (*typed, *run)} - set(group.commands) == set()
    assert all(f"duecourse-{command}" in page for command in run)
