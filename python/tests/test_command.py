"""The command, from its start to its end, as somebody calls it."""

import os
import signal
import socket

import pytest
from programs import ask, is_refused, program, text, wait_until

CONTROLLERS = """
from simple_http_server import route

@route("/hello")
def hello():
    return "hello"
"""


@pytest.fixture
def folder(tmp_path):
    """A folder with controllers, files, and a folder with others."""
    (tmp_path / "controllers.py").write_text(CONTROLLERS)
    (tmp_path / "page.txt").write_text("a page")
    (tmp_path / "others").mkdir()
    (tmp_path / "others" / "other.txt").write_text("another page")
    return str(tmp_path)


def command(folder, *arguments):
    return program("", "-p", 0, *arguments, module="simple_http_server", cwd=folder)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_controllers_and_files_of_the_folder_until_a_signal(folder, number):
    with command(folder) as running:
        port = running.port()
        assert text(port, "/hello") == "hello"
        assert text(port, "/page.txt") == "a page"
        answer, _ = ask(port, "/page.txt")
        assert answer.getheader("Connection") == "close"
        running.signal(number)
        assert running.end() == 0
        assert is_refused(port)
        assert "Traceback" not in running.log()


def test_it_is_for_this_machine_alone_unless_told_otherwise(folder):
    with command(folder) as running:
        running.wait_for(r"address=127\.0\.0\.1:\d+")
    with command(folder, "-b", "::1") as running:
        assert text(running.port(), "/hello", host="::1") == "hello"


def test_another_folder_is_served(folder):
    with command(folder, "--regex", "contr.*", "--resources", "others") as running:
        port = running.port()
        assert text(port, "/hello") == "hello"
        assert text(port, "/other.txt") == "another page"
        assert ask(port, "/page.txt")[0].status == 404


def test_without_resources_nothing_is_served_of_the_disk(folder):
    with command(folder, "-r", "") as running:
        port = running.port()
        assert text(port, "/hello") == "hello"
        for target in ("/page.txt", "/etc/hostname", "/controllers.py"):
            assert ask(port, target)[0].status == 404


def test_a_port_that_is_in_use_is_said(folder, run_python):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ran = run_python("-m", "simple_http_server", "-p", str(port), check=False, cwd=folder)
    assert ran.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}: the port is in use" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_controllers_that_cannot_be_imported_are_said_and_the_others_serve(folder):
    with open(os.path.join(folder, "broken.py"), "w") as broken:
        broken.write("from simple_http_server import route\nraise RuntimeError('it is broken')\n")
    with command(folder) as running:
        running.wait_for(r"Can't import broken \(./broken.py\)")
        running.wait_for("RuntimeError: it is broken")
        assert text(running.port(), "/hello") == "hello"


def test_controllers_that_are_declared_wrongly_are_said(folder, run_python):
    with open(os.path.join(folder, "wrong.py"), "w") as wrong:
        wrong.write("from simple_http_server import route\n@route(regexp='^/a/(')\ndef a():\n    pass\n")
    ran = run_python("-m", "simple_http_server", "-p", "0", check=False, cwd=folder)
    assert ran.returncode == 1
    assert "^/a/(" in ran.stderr
    assert "wrong.py" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_signal_while_it_scans_ends_it(folder):
    with open(os.path.join(folder, "slow.py"), "w") as slow:
        slow.write(
            "import os, time\n"
            "from simple_http_server import route\n"
            "os.write(1, b'SCANNED\\n')\n"
            "time.sleep(1_000_000)\n"
        )
    with command(folder) as running:
        running.wait_for("SCANNED")
        running.signal(signal.SIGINT)
        assert running.end() == 0
        assert "Traceback" not in running.log()


def test_files_are_served_from_where_it_was_started(folder):
    """Also where controllers go elsewhere."""
    with open(os.path.join(folder, "elsewhere.py"), "w") as elsewhere:
        elsewhere.write(
            "import os\nfrom simple_http_server import route\n"
            "@route('/go')\ndef go():\n    os.chdir('/')\n    return os.getcwd()\n"
        )
    with command(folder) as running:
        port = running.port()
        assert text(port, "/page.txt") == "a page"
        assert text(port, "/go") == "/"
        wait_until(lambda: ask(port, "/page.txt")[0].status == 200, "the page is there")
        assert ask(port, "/etc/hostname")[0].status == 404


def test_the_log_has_the_level_that_was_given(folder):
    with command(folder, "--loglevel", "ERROR", "ignored") as running:
        listening = _listening_port(running.process.pid)
        assert text(listening, "/hello") == "hello"
        assert "INFO" not in running.log()


def _listening_port(process):
    """The port on which a process listens, from the tables of the system."""
    found = []

    def is_there():
        sockets = set()
        for descriptor in os.listdir(f"/proc/{process}/fd"):
            try:
                sockets.add(os.readlink(f"/proc/{process}/fd/{descriptor}"))
            except OSError:
                continue
        with open(f"/proc/{process}/net/tcp") as table:
            for line in list(table)[1:]:
                fields = line.split()
                if fields[3] == "0A" and f"socket:[{fields[9]}]" in sockets:
                    found.append(int(fields[1].split(":")[1], 16))
        return bool(found)

    wait_until(is_there, "it listens")
    return found[0]
