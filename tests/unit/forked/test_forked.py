"""A fork equals a new Python: same streams, environment, folder, signals and exit code."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[3]
PYTHON = sys.executable
IS_FORK = "import sys; print('kindgate.report.html' in sys.modules)"

pytestmark = pytest.mark.usefixtures("forks")


def environment(**more: str) -> dict[str, str]:
    """Return the environment of a program that imports kindgate from this checkout."""
    return os.environ | {"PYTHONPATH": str(CHECKOUT)} | more


def run_program(
    python: str, *arguments: str, folder: Path, variables: dict[str, str] | None = None, input_text: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end; the time limit allows for a busy machine."""
    return subprocess.run(
        [python, *arguments],
        cwd=folder,
        env=variables or environment(),
        input=input_text,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def forked(*arguments: str, folder: Path, variables: dict[str, str] | None = None) -> bool:
    """Return whether these arguments, which run `IS_FORK`, run in a fork."""
    completed = run_program(sys.executable, *arguments, folder=folder, variables=variables)
    assert completed.returncode == 0, completed.stderr
    return completed.stdout == "True\n"


@pytest.mark.parametrize(
    "program",
    [
        "print(6 * 7)",
        "import sys; sys.exit(7)",
        "import sys; sys.exit('no')",
        "raise SystemExit",
        "import os; os._exit(3)",
        "import os; os.abort()",
        "import os, signal; os.kill(os.getpid(), signal.SIGTERM)",
        "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
        "import os, signal; os.kill(os.getpid(), signal.SIGINT); signal.pause()",
        "import sys; print(sys.argv, sys.flags.safe_path, sys.path[0], __name__)",
        "import sys; print(sys.stdin.read()[::-1], sys.stdin.isatty(), sys.stdout.encoding, sys.stderr.errors)",
        "import os; print(sorted(os.environ.items()), os.getcwd())",
        "import os; os.system('echo of a child; echo on stderr >&2; exit 3')",
        "import os; os.system('env | grep -E \\'^(COLUMNS|LINES)=\\'')",
        "import atexit; atexit.register(print, 'at the end'); print('first')",
        "import os; print(os.isatty(1), sorted(os.listdir('/dev/fd')))",
        "import threading; threading.Thread(target=print, args=('waited for',)).start()",
        "from signal import *; print([getsignal(number) for number in (SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGCHLD)])",
        "import os, sys; sys.stdout.write('before'); sys.stdout.flush(); os.write(1, b' and after')",
        "def",
    ],
)
def test_a_fork_behaves_like_python(program: str, tmp_path: Path) -> None:
    """Output, errors and exit code are the same."""
    forked_result, python_result = (
        (completed.returncode, completed.stdout, completed.stderr)
        for completed in (
            run_program(name, "-c", program, "one", "-2", folder=tmp_path, input_text="abc") for name in (sys.executable, PYTHON)
        )
    )
    assert forked_result == python_result


def test_an_error_has_its_traceback(tmp_path: Path) -> None:
    """The traceback ends as Python's does."""
    completed = run_program(sys.executable, "-c", "1 / 0", folder=tmp_path)
    assert (completed.returncode, completed.stderr.splitlines()[-1]) == (1, "ZeroDivisionError: division by zero")


def test_a_module_is_run_as_main(tmp_path: Path) -> None:
    """It is found in the folder or on the path, and its name is `__main__`."""
    (tmp_path / "own.py").write_text(f"import sys\nprint(__name__, sys.argv)\n{IS_FORK}\n")
    completed = run_program(sys.executable, "-m", "own", "--option", folder=tmp_path)
    assert completed.stdout == f"__main__ ['{tmp_path / 'own.py'}', '--option']\nTrue\n"


def test_child_programs_are_forked_too(tmp_path: Path) -> None:
    """A fork's `sys.executable` forks too."""
    assert forked("-c", IS_FORK, folder=tmp_path)
    assert forked("-u", "-B", "-c", f"import subprocess, sys; subprocess.run([sys.executable, '-c', {IS_FORK!r}])", folder=tmp_path)


@pytest.mark.parametrize(
    "more", [{"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C"}, {"PYTHONHASHSEED": "0"}, {"PYTHONWARNINGS": "error"}], ids=str
)
def test_python_startup_variables_force_a_new_interpreter(tmp_path: Path, more: dict[str, str]) -> None:
    """A fork started too early to read these variables."""
    assert not forked("-c", IS_FORK, folder=tmp_path, variables=environment(**more))


def test_another_kindgate_forces_a_new_interpreter(tmp_path: Path) -> None:
    """With another kindgate on the path or in the folder, a fork would have the wrong one."""
    (tmp_path / "site/kindgate/report").mkdir(parents=True)
    other_environment = environment(PYTHONPATH=f"{tmp_path / 'site'}{os.pathsep}{CHECKOUT}")

    assert not forked("-c", IS_FORK, folder=tmp_path, variables=other_environment)
    assert not forked("-c", IS_FORK, folder=tmp_path / "site")
    assert forked("-P", "-c", IS_FORK, folder=tmp_path / "site")


def test_a_separate_cache_folder_prevents_no_fork(tmp_path: Path) -> None:
    """Libraries look it up when they are imported, but are the same with any."""
    assert forked("-c", IS_FORK, folder=tmp_path, variables=environment(XDG_CACHE_HOME=str(tmp_path)))


def test_a_signal_reaches_the_fork(tmp_path: Path) -> None:
    """It acts as if sent to the program itself."""
    program = "import signal, sys\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit(9))\nprint('ready', flush=True)\nsignal.pause()"
    with subprocess.Popen([sys.executable, "-c", program], cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        process.terminate()
        try:
            assert process.wait(30) == 9
        finally:
            process.kill()


def test_killing_the_client_kills_the_fork(tmp_path: Path) -> None:
    """The fork's output ends."""
    program = "print('ready', flush=True); import signal; signal.pause()"
    with subprocess.Popen([sys.executable, "-c", program], cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        process.kill()
        assert process.communicate(timeout=30)[0] == ""
        assert process.returncode == -signal.SIGKILL


def test_an_ignored_signal_stays_ignored(tmp_path: Path) -> None:
    """SIGHUP stays ignored, as under nohup."""
    program = f"{sys.executable} -c 'import signal; print(signal.getsignal(signal.SIGHUP) == signal.SIG_IGN)'"
    completed = run_program("/bin/sh", "-c", f"trap '' HUP; exec {program}", folder=tmp_path)
    assert completed.stdout == "True\n"


def test_descriptors_are_passed_on(tmp_path: Path) -> None:
    """They keep their numbers."""
    reading, writing = os.pipe()
    with os.fdopen(reading) as pipe:
        command = [sys.executable, "-c", f"import os; os.write({writing}, b'through')"]
        subprocess.run(command, cwd=tmp_path, env=environment(), pass_fds=[writing], check=True, timeout=60)
        os.close(writing)
        assert pipe.read() == "through"


def test_modules_may_start_programs_when_imported(tmp_path: Path) -> None:
    """Matplotlib lists the fonts by a program when its cache is empty, as in the first run on a machine."""
    result = run_program(
        PYTHON,
        "-c",
        "from tests.unit.forked.imports import preload; preload()",
        folder=CHECKOUT,
        variables=environment(MPLCONFIGDIR=str(tmp_path)),
    )

    assert result.returncode == 0, result.stderr
