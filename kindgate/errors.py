"""The tree of all errors that kindgate raises on purpose, each with its exit code.

- KindgateError (1)
  - SettingsError (10): an invalid option, ini value or environment variable
  - HostError (11): the machine lacks something
    - EngineError (11): missing, not running, not permitted, too old, unable to run privileged containers
    - CommandError (11): a command failed or timed out
  - ToolError (12): kind or kubectl is unavailable, or its checksum is wrong
  - ManifestError (13): the application's manifests are invalid
  - SloError (14): an objective cannot be parsed or judged, or a workload cannot be read
  - ImageError (15): an image is unavailable
    - RegistryError (15): unreachable, unauthorized (401), forbidden (403), rate limited (429), or a wrong digest
  - ClusterError (16): the cluster could not be created, reached or deleted
    - OwnershipError (22): the cluster's name belongs to another owner
  - DeployError (17): the application was applied but is not healthy
    - ApiError (17): the API server refused a request or could not be reached
    - ScenarioError (17): a scenario's action cannot be done, did not do what it is to do, or was not undone
  - LoadError (18): a burst cannot be sent as requested
  - MetricsError (19): Prometheus cannot answer
    - NoSamplesError (19): Prometheus returned no samples
  - VerdictFailed (20), VerdictInvalid (21): the result of a command line that judged
  - GitHubError (23): the pull request could not be read or written
    - GitHubRefused (23): GitHub rejected the request
    - GitHubUnavailable (23): no response, or one that asks for a retry
    - PublishRefused (24): an artifact is not trustworthy
  - WaitTimeout (25): a deadline passed; callers chain it into their own error
  - WaitFailed (26): the awaited condition can no longer occur; callers chain it into their own error
  - SecretsMissing (27): the application needs secrets that this run does not have
  - NoVerdict (28): nothing was judged, or no usable report contains a verdict

`docs/exit-codes.md` is the table for users; a test compares the two.
"""

from __future__ import annotations

import re
from typing import ClassVar

TEXT_LIMIT = 4000
"""Maximum characters of external output (a command's stderr, a server's body) in an error message."""

_WORD_START = re.compile(r"(?<=\s)\S")


def clipped(text: str, limit: int = TEXT_LIMIT) -> str:
    """The end of `text`, at most `limit` characters: the last output of a program is the most informative.

    It begins with a whole word, because no later redaction would recognize half a secret.
    """
    text = text.strip()
    if len(text) <= limit:
        return text
    start = _WORD_START.search(text, len(text) - limit)
    kept = text[start.start() :] if start is not None else ""
    return f"[... {len(text) - len(kept)} characters cut]\n{kept}".rstrip()


class KindgateError(Exception):
    """Base class: what happened, how long kindgate waited, the last state seen, what to do next.

    `message` is one line; `waited` is in seconds; `last_state` can have several lines; `next_step` is an instruction for
    the reader.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, waited: float | None = None, last_state: str = "", next_step: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.waited = waited
        self.last_state = clipped(last_state)
        self.next_step = next_step

    def __str__(self) -> str:
        """The message, followed by the known details, each on its own line."""
        lines = [self.message]
        if self.waited is not None:
            lines.append(f"  waited: {self.waited:.1f} s")
        if self.last_state:
            lines.append("  last seen: " + self.last_state.replace("\n", "\n    "))
        if self.next_step:
            lines.append(f"  next: {self.next_step}")
        return "\n".join(lines)


class SettingsError(KindgateError):
    """An invalid option, ini value or environment variable."""

    exit_code = 10


class HostError(KindgateError):
    """The machine lacks something that a run needs."""

    exit_code = 11


class EngineError(HostError):
    """The container engine cannot be used."""


class EngineAbsent(EngineError):
    """Neither docker nor podman is installed."""


class EngineNotStarted(EngineError):
    """The engine's command exists, but no daemon responds."""


class EngineNotPermitted(EngineError):
    """A daemon is running, but this user is not permitted to use it."""


class EngineTooOld(EngineError):
    """The engine responds, but its version lacks features that kind needs."""


class EngineUnprivileged(EngineError):
    """The engine responds, but cannot run privileged containers here."""


class CommandError(HostError):
    """A command could not be used."""


class CommandNotFound(CommandError):
    """The program is not on PATH or not executable."""


class CommandFailed(CommandError):
    """A command exited with a nonzero code; `returncode` is negative for a signal."""

    def __init__(self, message: str, *, returncode: int, stdout: str, stderr: str, waited: float, next_step: str = "") -> None:
        super().__init__(message, waited=waited, last_state=stderr or stdout, next_step=next_step)
        self.returncode = returncode
        self.stdout = stdout
        self.stderr = stderr


class CommandTimeout(CommandError):
    """A command was still running at its deadline, and was killed with its children."""


class ToolError(KindgateError):
    """kind or kubectl is unavailable, or its checksum is wrong."""

    exit_code = 12


class ManifestError(KindgateError):
    """The application's manifests are invalid; nothing was created."""

    exit_code = 13


class SloError(KindgateError):
    """An objective that cannot be parsed, or cannot be judged at the planned size, or a workload that cannot be read."""

    exit_code = 14


class ImageError(KindgateError):
    """An image is unavailable, or does not match the lock."""

    exit_code = 15


class RegistryError(ImageError):
    """A container registry did not provide what was requested."""


class RegistryUnreachable(RegistryError):
    """The registry does not respond."""


class RegistryUnauthorized(RegistryError):
    """The registry requires credentials, or other ones (401)."""


class RegistryForbidden(RegistryError):
    """The registry accepts the credentials but denies access (403)."""


class RegistryRateLimited(RegistryError):
    """The registry limits the rate of requests (429)."""


class DigestMismatch(RegistryError):
    """The registry provided content that does not match the lock."""


class ClusterError(KindgateError):
    """The cluster could not be created, reached or deleted."""

    exit_code = 16


class OwnershipError(ClusterError):
    """The cluster's name belongs to a living run or to another owner."""

    exit_code = 22


class DeployError(KindgateError):
    """The application was applied but did not become healthy."""

    exit_code = 17


class ApiError(DeployError):
    """The API server rejected a request, or did not respond (`status` is 0). `reason` is Kubernetes' own term.

    `causes` are the rejected fields, each with the server's message.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = 0,
        reason: str = "",
        causes: tuple[tuple[str, str], ...] = (),
        waited: float | None = None,
        next_step: str = "",
    ) -> None:
        super().__init__(message, waited=waited, next_step=next_step)
        self.status = status
        self.reason = reason
        self.causes = causes


class ScenarioError(DeployError):
    """A scenario's action cannot be done, did not do what it is to do, or was not undone."""


class LoadError(KindgateError):
    """A burst cannot be sent as requested."""

    exit_code = 18


class MetricsError(KindgateError):
    """Prometheus cannot be reached or rejects the query."""

    exit_code = 19


class NoSamplesError(MetricsError):
    """Prometheus returned no samples for the query."""


class VerdictFailed(KindgateError):
    """At least one objective is not met."""

    exit_code = 20


class VerdictInvalid(KindgateError):
    """The measurement cannot be trusted, so there is no verdict."""

    exit_code = 21


class GitHubError(KindgateError):
    """The pull request could not be read or written."""

    exit_code = 23


class GitHubRefused(GitHubError):
    """GitHub rejected the request; `status` is the HTTP status."""

    def __init__(self, message: str, *, status: int, next_step: str = "") -> None:
        super().__init__(message, next_step=next_step)
        self.status = status


class GitHubUnavailable(GitHubError):
    """No response, a broken one, or one that asks for a retry, after `retry_after` seconds if stated.

    The request might have been carried out nevertheless.
    """

    def __init__(self, message: str, *, retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class PublishRefused(GitHubError):
    """An artifact of an untrusted run is invalid."""

    exit_code = 24


class WaitTimeout(KindgateError):
    """A deadline passed before the awaited condition was met."""

    exit_code = 25


class WaitFailed(KindgateError):
    """The awaited condition can no longer be met."""

    exit_code = 26


class SecretsMissing(KindgateError):
    """The application needs secrets that this run does not have: nothing is judged, tests are skipped, the run does not pass."""

    exit_code = 27


class NoVerdict(KindgateError):
    """Nothing was judged, or no usable report contains a verdict: no reason to merge."""

    exit_code = 28
