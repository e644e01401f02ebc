"""Scanning imports the modules of a folder."""

import pytest

MODULES = {
    "pkg/__init__.py": "pkg",
    "pkg/user_controllers.py": "pkg.user_controllers",
    "pkg/other.py": "pkg.other",
    "pkg/deep/more_controllers.py": "pkg.deep.more_controllers",
    "pkg/__pycache__/cached.py": "cached",
    "pkg/readme.txt": "text",
    "alone.py": "alone",
}
"""Files, and what a module says in its standard error when it is imported."""


@pytest.fixture
def scanned(tmp_path, run_python):
    """What is imported by a program that scans, in order, and what it logs."""

    def scan(arguments, cwd=None):
        files = {path: f"import sys; sys.stderr.write({name + chr(10)!r})" for path, name in MODULES.items()}
        files["main.py"] = (
            "import sys; sys.stderr.write('main\\n')\n"
            f"from simple_http_server import server\nserver.scan({arguments})\n"
        )
        files["broken.py"] = "raise RuntimeError('broken')"
        for path, text in files.items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(text)
        run = run_python(str(tmp_path / "main.py"), cwd=cwd)
        main, *imported = run.stderr.splitlines()
        assert main == "main"
        return imported, run.stdout

    return scan


def test_a_folder_is_imported_with_all_below_it(scanned):
    imported, _ = scanned("'pkg'")
    # The package itself comes with its first module, and once more by the name of its file.
    assert imported == ["pkg", "pkg", "pkg.other", "pkg.user_controllers", "pkg.deep.more_controllers"]


@pytest.mark.parametrize(
    "regx", [".*_controllers", r"pkg.(user|deep).*controllers\.py$", r"pkg\.(user_|deep\.more_)cont"]
)
def test_an_expression_chooses_by_path_or_by_name(scanned, regx):
    imported, _ = scanned(f"'pkg', r'{regx}'")
    assert imported == ["pkg", "pkg.user_controllers", "pkg.deep.more_controllers"]


@pytest.mark.parametrize("base_dir", ["pkg/other.py", "pkg/other"])
def test_a_single_module_is_imported(scanned, base_dir):
    assert scanned(f"'{base_dir}'")[0] == ["pkg", "pkg.other"]


def test_the_folder_is_that_of_the_program_wherever_it_is_started(scanned, tmp_path_factory):
    imported, _ = scanned("'alone'", cwd=tmp_path_factory.mktemp("elsewhere"))
    assert imported == ["alone"]


def test_another_folder_may_be_named_from_which_modules_are_imported(scanned, tmp_path):
    folder = str(tmp_path / "pkg/deep")
    imported, log = scanned(f"project_dir={folder!r}")
    assert imported == []
    assert "Can't import more_controllers" in log
    imported, log = scanned(f"project_dir=__import__('sys').path.append({folder!r}) or {folder!r}")
    assert imported == ["pkg.deep.more_controllers"]
    assert "Can't import" not in log


def test_what_cannot_be_imported_is_logged_and_left_out(scanned):
    imported, log = scanned("")
    assert "alone" in imported
    assert "pkg.other" in imported
    assert "Can't import broken" in log
    assert "RuntimeError: broken" in log


def test_the_program_itself_is_not_imported_again(scanned):
    imported, _ = scanned("")
    assert "alone" in imported
    assert "main" not in imported


def test_a_folder_that_is_not_there_is_logged(scanned, tmp_path):
    imported, log = scanned("'nothing'")
    assert imported == []
    assert f"There is nothing to scan at {tmp_path / 'nothing'}." in log
