"""A Python that has imported what tests run, and forks for each of them: `python -m tests.unit.forked.server FOLDER`.

It has one thread, so that a fork is whole. A fork gets the descriptors, environment, folder, arguments and signals of the
client that ordered it, and ends as a Python ends. The server ends when its last session does.
"""

from __future__ import annotations

import atexit
import fcntl
import gc
import importlib
import importlib.machinery
import io
import marshal
import os
import pkgutil
import runpy
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest

from tests.unit.forked.client import INTERPRETER, PASSED_ON, end

CHECKOUT = Path(__file__).parents[3]

LATE = ("locust", "typer.rich_utils", "kindgate.load.locustfile")
"""What a fork imports itself: Locust patches the whole process, and typer's look is that of the environment."""

THIRD_PARTY = (
    "detect_secrets.core.scan",
    "github",
    "jinja2",
    "jsonschema",
    "kubernetes.client",
    "kubernetes.config",
    "kubernetes.utils",
    "kubernetes_validate.utils",
    "matplotlib.backends.backend_agg",
    "matplotlib.backends.backend_svg",
    "matplotlib.figure",
    "multiprocessing.connection",
    "psutil",
    "pycurl",
    "requests",
    "rich.console",
    "rich.table",
    "scipy.optimize",
    "scipy.special",
    "scipy.stats",
    "trustme",
    "typer.testing",
    "xdist.remote",
    "yaml",
    "zstandard",
)
"""What kindgate and pytest import when they need it."""

TERMINAL = ("COLUMNS", "LINES")
"""What readline sets behind Python's back."""

ANYWHERE = frozenset({"HOME", "PATH", "TMPDIR", *TERMINAL})
"""Variables that importing reads and that change nothing of what was imported."""


@dataclass(frozen=True)
class Order:
    """What a fork becomes: the numbers of its descriptors and where they are now, and the rest of a process."""

    places: list[int]
    received: list[int]
    ignored: list[int]
    environment: dict[bytes, bytes]
    folder: bytes
    options: list[str]
    kind: str
    text: str
    arguments: list[str]


class _Importing:
    """Imports everything while pytest's import hook is in place, as it is in a run that loads plugins."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_cmdline_main(self) -> int:
        """In place of a run."""
        for name in (*_modules_of("kindgate"), *_modules_of("detect_secrets.plugins"), *THIRD_PARTY):
            importlib.import_module(name)
        return 0


def _modules_of(package: str) -> list[str]:
    """All of them that a fork does not import itself."""
    found = pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}.")
    return [one.name for one in found if one.name not in LATE and not one.name.endswith("__main__")]


def preload() -> dict[str, str | None]:
    """Import what tests run; the environment variables that it depends on with their values, None where unset."""
    read: set[str] = set()

    class Noting(os._Environ[str]):
        """Notes what is read."""

        def __getitem__(self, key: str) -> str:
            read.add(key)
            return super().__getitem__(key)

    plain = type(os.environ)
    os.environ.__class__ = Noting
    try:
        with tempfile.TemporaryDirectory() as empty:
            os.chdir(empty)
            code = pytest.main(["-p", "no:locust", "-p", "no:cacheprovider", "--rootdir", empty], [_Importing()])
            os.chdir("/")
    finally:
        os.environ.__class__ = plain
    if code:
        sys.exit(f"importing ended with {code}")
    for name in [name for name in sys.modules if name in LATE or name.partition(".")[0] == "tests"]:
        del sys.modules[name]
    return {name: os.environ.get(name) for name in read - ANYWHERE if not name.startswith("PYTEST_")}


def facts(address: str, environment: dict[str, str | None]) -> dict[str, object]:
    """What clients need to know."""
    plain = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    ask = [sys.executable, "-P", "-c", "import sys; print('\\n'.join(sys.path))"]
    path = subprocess.run(ask, env=plain, check=True, capture_output=True, text=True).stdout.splitlines()
    spec = importlib.machinery.PathFinder.find_spec("kindgate", path)
    return {
        "python": sys.executable,
        "socket": address,
        "checkout": str(CHECKOUT),
        "installed": str(Path(spec.origin).parents[1]) if spec and spec.origin else "",
        "path": path,
        "packages": frozenset(name.partition(".")[0] for name in sys.modules) - {"__main__"},
        "environment": environment | {name: value for name, value in plain.items() if name.startswith(INTERPRETER)},
    }


class Server:
    """Forks for each order; sessions are connections of those who will order."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self._selector = selectors.DefaultSelector()
        self._selector.register(listener, selectors.EVENT_READ)
        self._sessions: set[socket.socket] = set()
        self._forks: dict[socket.socket, int] = {}
        self._woken, self._waker = socket.socketpair()
        self._selector.register(self._woken, selectors.EVENT_READ)

    def serve(self) -> Order | None:
        """In a fork: what it is to become. None in the server, when there is nobody left who could order."""
        for one in (self._woken, self._waker):
            one.setblocking(False)  # noqa: FBT003 - its only parameter
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        signal.set_wakeup_fd(self._waker.fileno())
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is self._listener:
                    order = self._accept()
                    if order:
                        return order
                elif key.fileobj is self._woken:
                    with suppress(BlockingIOError):
                        self._woken.recv(4096)
                    self._reap()
                elif isinstance(key.fileobj, socket.socket):
                    self._hear(key.fileobj)
            if not self._sessions and not self._forks:
                return None

    def _accept(self) -> Order | None:
        """Fork for an order, or note a session."""
        client, _ = self._listener.accept()
        client.settimeout(30)
        try:
            head, received, _flags, _address = socket.recv_fds(client, 4, 253)
            length = int.from_bytes(head, "big")
            text = b""
            while len(text) < length and (more := client.recv(length - len(text))):
                text += more
            if not length:
                client.sendall(b"!")
        except OSError:
            client.close()
            return None
        if not head or len(text) < length:
            client.close()
            return None
        if not length:
            self._sessions.add(client)
        else:
            pid = os.fork()
            if not pid:
                self._leave(client)
                places, *rest = marshal.loads(text)  # a client of ours
                return Order(places, received, *rest)
            for number in received:
                os.close(number)
            self._forks[client] = pid
        self._selector.register(client, selectors.EVENT_READ)
        return None

    def _leave(self, client: socket.socket) -> None:
        """Close in a fork what is the server's."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self._selector.close()
        for one in (self._listener, self._woken, self._waker, client, *self._sessions, *self._forks):
            one.close()

    def _hear(self, client: socket.socket) -> None:
        """Pass signals on; a client that has gone was killed, and so is its fork."""
        numbers = b""
        with suppress(OSError):
            numbers = client.recv(64)
        pid = self._forks.get(client)
        if numbers and pid:
            for number in numbers:
                os.kill(pid, number)
        elif pid:
            os.kill(pid, signal.SIGKILL)
            self._selector.unregister(client)
        else:
            self._sessions.discard(client)
            self._selector.unregister(client)
            client.close()

    def _reap(self) -> None:
        """Tell clients how their forks have ended."""
        for client, pid in list(self._forks.items()):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                del self._forks[client]
                with suppress(KeyError):  # of one that has gone
                    self._selector.unregister(client)
                with suppress(OSError):
                    client.sendall(os.waitstatus_to_exitcode(status).to_bytes(4, "big", signed=True))
                client.close()


def become(order: Order, python: str, path: list[str]) -> None:
    """Be the process that was ordered, as far as a process can be told from one that was started."""
    os.setsid()
    above = max(order.places, default=0) + 1
    moved = [fcntl.fcntl(number, fcntl.F_DUPFD, above) for number in order.received]
    for number in order.received:
        os.close(number)
    for number, place in zip(moved, order.places, strict=True):
        os.dup2(number, place)
        os.close(number)
    os.chdir(order.folder)
    os.environ.clear()
    for name in TERMINAL:
        os.unsetenv(name)
    os.environb.update(order.environment)
    for number in PASSED_ON:
        signal.signal(number, signal.SIG_IGN if number in order.ignored else signal.SIG_DFL)
    if signal.SIGINT not in order.ignored:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, PASSED_ON)
    sys.executable = python
    sys.dont_write_bytecode = "-B" in order.options or bool(os.environ.get("PYTHONDONTWRITEBYTECODE"))
    sys.argv = [order.kind, *order.arguments]
    sys.orig_argv = [python, *order.options, order.kind, order.text, *order.arguments]
    first = {"-c": "", "-m": str(Path.cwd())}[order.kind]
    asked = list(filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep)))
    sys.path[:] = [*([] if "-P" in order.options else [first]), *asked, *(entry for entry in path if entry not in asked)]
    importlib.invalidate_caches()
    if "-u" in order.options or os.environ.get("PYTHONUNBUFFERED"):
        for name, number in (("stdout", 1), ("stderr", 2)):
            errors = getattr(sys, name).errors
            raw = io.FileIO(number, "wb", closefd=False)
            stream = io.TextIOWrapper(raw, encoding=getattr(sys, name).encoding, errors=errors, write_through=True)
            setattr(sys, name, stream)


class Ending:
    """Ends a fork after its last exit handler: taking apart what the server has imported costs more than most programs do."""

    def __init__(self) -> None:
        self.code: int | None = None
        atexit.register(self._end)  # the first to be registered is the last to be called

    def _end(self) -> None:
        """With the exit code, unless only Python itself knows how to end."""
        if self.code is not None:
            with suppress(OSError, ValueError):  # Python reports it
                sys.stdout.flush()
                sys.stderr.flush()
                end(self.code)


def run(order: Order, ending: Ending) -> None:
    """Run the program as `__main__`, in the main thread; whatever it raises ends the process."""
    main = ModuleType("__main__")
    sys.modules["__main__"] = main
    try:
        if order.kind == "-c":
            exec(compile(order.text, "<string>", "exec"), main.__dict__)
        else:
            if not hasattr(sys.modules.get(order.text), "__path__"):
                sys.modules.pop(order.text, None)
            runpy._run_module_as_main(order.text)  # type: ignore[attr-defined]
    except SystemExit as error:
        ending.code = 0 if error.code is None else error.code & 0xFF if isinstance(error.code, int) else 1
        raise
    except BaseException as error:  # noqa: BLE001 - as Python itself does, without the lines of this module
        shown = error.__traceback__ and error.__traceback__.tb_next
        sys.excepthook(type(error), error.with_traceback(shown), shown)
        ending.code = -signal.SIGINT if isinstance(error, KeyboardInterrupt) else 1
    else:
        ending.code = 0


def main(folder: Path) -> tuple[Order, str, list[str]]:
    """Import, tell where to connect, and serve until a fork returns what it is to be."""
    environment = preload()
    address = str(Path(tempfile.mkdtemp(prefix="forks-")) / "s")
    known = facts(address, environment)
    python = folder / "python"
    start = f"import sys\nsys.path.insert(0, {str(Path(__file__).parent)!r})\nimport client\nclient.main({str(folder)!r}, sys.argv[1:])\n"
    python.write_text(f"#!{sys.executable} -IS\n{start}")
    python.chmod(0o755)
    (folder / "facts").write_bytes(marshal.dumps(known))
    gc.collect()
    gc.freeze()
    if threading.active_count() > 1:
        sys.exit(f"a fork would lack the threads {threading.enumerate()}")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen(128)
        print("ready", flush=True)  # noqa: T201 - whoever started it waits for this
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, 1)
        order = Server(listener).serve()
    if order is None:
        Path(address).unlink()
        Path(address).parent.rmdir()
        sys.exit()
    path = known["path"]
    assert isinstance(path, list)
    return order, str(python), path


if __name__ == "__main__":
    _ending = Ending()
    _order, _python, _path = main(Path(sys.argv[1]))
    become(_order, _python, _path)
    run(_order, _ending)
