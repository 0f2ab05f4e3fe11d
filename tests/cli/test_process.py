"""
The command line as a process: streams, statuses, pipes, and what it says when something is missing.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest


def process(*words, database="", said=None, **environment):
    clean = {name: value for name, value in os.environ.items() if not name.startswith("FIGUARD_")}
    return subprocess.run(
        [sys.executable, "-m", "figuard.cli", *words],
        capture_output=True,
        input=said,
        env={**clean, "FIGUARD_DATABASE": str(database), **environment},
        timeout=50,
        check=False,
    )


def test_the_version():
    ran = process("version", PYTHONWARNINGS="error")

    assert ran.returncode == 0
    assert ran.stdout.startswith(b"figuard ")
    assert ran.stderr == b""


def test_the_version_as_other_command_lines_have_it():
    assert process("--version").stdout.startswith(b"figuard ")


def test_help_lists_every_command():
    said = process("--help").stdout.decode()

    for command in ("demo", "budget", "tree", "report", "ledger", "sweep", "doctor", "keys", "webhooks", "version"):
        assert f" {command} " in said


def test_a_pipe_gets_no_colours_and_no_padding(figuard):
    figuard("budget", "create", "500", "--user", "me")

    out = process("budget", "list", database=figuard.database).stdout

    assert b"\x1b" not in out
    assert all(line == line.rstrip() for line in out.decode().splitlines())


def test_check_marks_are_written_whatever_the_locale(travel):
    ran = process("tree", "agent_001", database=travel.database, PYTHONIOENCODING="ascii")

    assert ran.returncode == 0, ran.stderr
    assert "✓ JetBlue SFO→JFK roundtrip" in ran.stdout.decode()


def test_a_failure_is_one_line_without_a_traceback(tmp_path):
    ran = process("budget", "list", database=tmp_path / "nowhere.db")

    assert (ran.returncode, ran.stdout) == (1, b"")
    assert ran.stderr.startswith(b"figuard: there is no database")
    assert ran.stderr.count(b"\n") == 1


def test_a_traceback_for_whoever_wants_it(tmp_path):
    ran = process("budget", "list", database=tmp_path / "nowhere.db", FIGUARD_TRACEBACK="1")

    assert b"Traceback" in ran.stderr


def test_a_wrong_call_is_status_2():
    assert process("budget", "create").returncode == 2
    assert process("nonsense").returncode == 2


@pytest.mark.parametrize("words", [["ledger", "export"], ["tree", "agent_001"]], ids=" ".join)
def test_a_reader_that_has_seen_enough_is_no_failure(travel, words):
    command = [sys.executable, "-m", "figuard.cli", *words]
    environment = {**os.environ, "FIGUARD_DATABASE": str(travel.database)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) as running:
        running.stdout.close()
        said = running.stderr.read()
        running.wait(timeout=50)

    assert said == b""
    assert running.returncode == 141


@pytest.mark.parametrize("missing", ["typer", "rich"])
def test_a_missing_extra_names_its_install_line(missing):
    script = f"import sys; sys.modules[{missing!r}] = None; from figuard.cli import main; main()"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=50)

    assert ran.returncode == 1
    assert ran.stderr == f"figuard: the command line needs {missing}. Install it: pip install 'figuard[cli]'\n"


def test_the_demo_as_a_process(tmp_path):
    ran = process("demo", database=tmp_path / "untouched.db", HOME=str(tmp_path))

    assert ran.returncode == 0, ran.stdout.decode()
    assert ran.stdout.decode().rstrip().splitlines()[-2:][0].startswith("✓ 6 books")
    assert list(tmp_path.iterdir()) == []


def in_window(columns, *words, database):
    """Return what a command draws in a terminal of so many columns."""
    pty = pytest.importorskip("pty")
    here, there = pty.openpty()
    environment = {**os.environ, "FIGUARD_DATABASE": str(database), "COLUMNS": str(columns), "TERM": "xterm-256color"}
    command = [sys.executable, "-m", "figuard.cli", *words]
    with subprocess.Popen(command, stdin=there, stdout=there, stderr=there, env=environment) as running:
        os.close(there)
        said = b""
        while part := _read(here):
            said += part
        running.wait(timeout=50)
    os.close(here)
    return said.decode()


def _read(descriptor):
    try:
        return os.read(descriptor, 65536)
    except OSError:
        # How Linux says that the other side of a terminal is closed.
        return b""


def test_a_terminal_gets_colours(travel):
    assert "\x1b[32m" in in_window(100, "tree", "agent_001", database=travel.database)


@pytest.mark.parametrize(("columns", "is_table"), [(140, True), (100, True), (80, True), (40, False)])
def test_a_window_of_any_width_shows_every_budget(travel, columns, is_table):
    plain = re.sub(r"\x1b\[[0-9;]*m", "", in_window(columns, "budget", "list", database=travel.database))
    shown = plain.rstrip().splitlines()

    assert "233.00" in plain
    assert "agent_001" in plain
    assert max(map(len, shown)) <= columns
    assert (len(shown) == 3) is is_table
