"""The command: which options there are, and what becomes of those that are wrong."""

import pytest

from simple_http_server import __main__ as command
from simple_http_server import server


def test_without_options_the_current_folder_is_for_this_machine_only():
    assert command.parse([]) == {
        "help": False,
        "port": 9090,
        "bind": "127.0.0.1",
        "scan": "",
        "regex": "",
        "resources": ".",
        "loglevel": "",
    }


@pytest.mark.parametrize(
    "argv",
    [
        ["-p", "80", "-b", "::1", "-s", "s", "-r", "r", "--regex", "x", "--loglevel", "DEBUG"],
        ["--port=80", "--bind=::1", "--scan=s", "--resources=r", "--regex=x", "--loglevel=DEBUG"],
        ["ignored", "-p80", "-b::1", "-ss", "-rr", "--regex=x", "too", "--loglevel=DEBUG"],
    ],
)
def test_each_option_has_its_spellings(argv):
    options = command.parse(argv)
    assert [options[name] for name in ("port", "bind", "scan", "resources")] == [80, "::1", "s", "r"]
    assert [options[name] for name in ("regex", "loglevel")] == ["x", "DEBUG"]


@pytest.mark.parametrize("option", ["-h", "--help"])
def test_help_is_printed_and_is_no_failure(run_python, option):
    run = run_python("-m", "simple_http_server", option)
    assert run.stdout.splitlines()[:3] == ["python3 -m simple_http_server [options]", "", "Options:"]
    options = "-h --help -p --port -b --bind -s --scan --regex -r --resources --loglevel"
    for listed in options.split():
        assert listed in run.stdout


@pytest.mark.parametrize(
    ("argv", "text"),
    [
        (["--colour"], "option --colour not recognized"),
        (["-p"], "option -p requires argument"),
        (["-p", "many"], "The port should be a number from 0 to 65535, not 'many'."),
        (["-p", "70000"], "The port should be a number from 0 to 65535, not '70000'."),
    ],
)
def test_a_wrong_option_is_named_with_the_usage(run_python, argv, text):
    run = run_python("-m", "simple_http_server", *argv, check=False)
    assert run.returncode == 2
    assert run.stdout == ""
    assert run.stderr.startswith(f"{text}\n\npython3 -m simple_http_server [options]")


@pytest.fixture
def started(monkeypatch):
    """How the server was asked to scan and to start."""
    calls = []
    monkeypatch.setattr(server, "scan", lambda **options: calls.append(options))
    monkeypatch.setattr(server, "start", lambda **options: calls.append(options))
    return calls


def test_the_command_scans_and_starts(started):
    assert command.main(["-p", "80", "-s", "s", "--regex", "x"]) == 0
    assert started == [
        {"project_dir": "s", "regx": "x"},
        {"host": "127.0.0.1", "port": 80, "resources": {"/**": "."}, "keep_alive": False},
    ]


def test_files_may_be_those_of_another_folder_or_none(started):
    command.main(["-r", "folder"])
    command.main(["-r", ""])
    assert [options["resources"] for options in started[1::2]] == [{"/**": "folder"}, {}]


def test_what_keeps_it_from_running_is_said(monkeypatch, capsys, started):
    def fail(**options):
        raise OSError("port 80 is taken")

    monkeypatch.setattr(server, "start", fail)
    assert command.main([]) == 1
    assert capsys.readouterr().err == "The server can't run: port 80 is taken\n"


def test_an_interrupt_is_no_failure(monkeypatch, started):
    def interrupt(**options):
        raise KeyboardInterrupt

    monkeypatch.setattr(server, "start", interrupt)
    assert command.main([]) == 0
