"""Every error that kindgate raises on purpose, in one tree, each with its own exit code.

- KindgateError (1)
  - SettingsError (10): an option, an ini value or an environment variable that cannot be used
  - HostError (11): the machine lacks something
    - EngineError (11): absent, not started, not permitted, too old, unable to run privileged containers
    - CommandError (11): a command failed or ran out of time
  - ToolError (12): kind or kubectl cannot be had, or its checksum is wrong
  - ManifestError (13): the application's manifests are wrong
  - SloError (14): an objective that cannot be parsed, or cannot be judged
  - ImageError (15): an image that nobody provides
    - RegistryError (15): unreachable, unauthorized (401), forbidden (403), rate limited (429), or a wrong digest
  - ClusterError (16): the cluster could not be created, reached or deleted
    - OwnershipError (22): the name belongs to somebody else
  - DeployError (17): the application was applied and is not healthy
    - ApiError (17): the API server refused a request or could not be reached
  - LoadError (18): a burst that cannot be sent as asked
  - MetricsError (19): Prometheus cannot answer
    - NoSamplesError (19): Prometheus answered with nothing
  - VerdictFailed (20), VerdictInvalid (21): what a command line ends with after judging
  - GitHubError (23): the pull request could not be read or written
    - GitHubRefused (23): GitHub understood, and said no
    - GitHubUnavailable (23): no answer, or one that asks to try again
    - PublishRefused (24): an artifact that is not to be trusted
  - WaitTimeout (25): a deadline passed; rooms chain it into their own error
  - NeverHappens (26): what was waited for cannot come; rooms chain it into their own error
  - SecretsMissing (27): the application needs secrets that this run does not have
  - NoVerdict (28): nothing was judged, or no usable report says what was

`docs/exit-codes.md` is the table for users; a test compares the two.
"""

from __future__ import annotations

from typing import ClassVar

TEXT_LIMIT = 4000
"""Characters of foreign output (a command's stderr, a server's body) that an error message may carry."""


def clipped(text: str, limit: int = TEXT_LIMIT) -> str:
    """The end of `text`, at most `limit` characters: a program's last words say most."""
    text = text.strip()
    return text if len(text) <= limit else f"[... {len(text) - limit} characters cut]\n{text[-limit:]}"


class KindgateError(Exception):
    """The base: what happened, how long was waited, what was seen last, what to do next.

    `message` is one line; `waited` is in seconds; `last_state` may have several lines; `next_step` is an
    instruction that the reader can follow.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, waited: float | None = None, last_state: str = "", next_step: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.waited = waited
        self.last_state = clipped(last_state)
        self.next_step = next_step

    def __str__(self) -> str:
        """The message and, each on lines of its own, the details that are known."""
        lines = [self.message]
        if self.waited is not None:
            lines.append(f"  waited: {self.waited:.1f} s")
        if self.last_state:
            lines.append("  last seen: " + self.last_state.replace("\n", "\n    "))
        if self.next_step:
            lines.append(f"  next: {self.next_step}")
        return "\n".join(lines)


class SettingsError(KindgateError):
    """An option, an ini value or an environment variable that cannot be used."""

    exit_code = 10


class HostError(KindgateError):
    """The machine lacks something that a run needs."""

    exit_code = 11


class EngineError(HostError):
    """The container engine cannot be used."""


class EngineAbsent(EngineError):
    """Neither docker nor podman is installed."""


class EngineNotStarted(EngineError):
    """The engine's command is there, and no daemon answers it."""


class EngineNotPermitted(EngineError):
    """A daemon is there, and this user may not talk to it."""


class EngineTooOld(EngineError):
    """The engine answers, and its version lacks what kind needs."""


class EngineUnprivileged(EngineError):
    """The engine answers, and cannot run privileged containers here."""


class CommandError(HostError):
    """A command could not be used."""


class CommandNotFound(CommandError):
    """The program is not on PATH, or may not be run."""


class CommandFailed(CommandError):
    """A command ended with an exit code that is not 0; `returncode` is negative for a signal."""

    def __init__(self, message: str, *, returncode: int, stdout: str, stderr: str, waited: float, next_step: str = "") -> None:
        super().__init__(message, waited=waited, last_state=stderr or stdout, next_step=next_step)
        self.returncode = returncode
        self.stdout = stdout
        self.stderr = stderr


class CommandTimeout(CommandError):
    """A command was still running at its deadline, and was ended with its children."""


class ToolError(KindgateError):
    """kind or kubectl cannot be had, or its checksum is wrong."""

    exit_code = 12


class ManifestError(KindgateError):
    """The application's manifests are wrong: nothing was created."""

    exit_code = 13


class SloError(KindgateError):
    """An objective that cannot be parsed, or cannot be judged at the planned size."""

    exit_code = 14


class ImageError(KindgateError):
    """An image that nobody provides, or that is not what the lock says."""

    exit_code = 15


class RegistryError(ImageError):
    """A container registry that did not give what was asked of it."""


class RegistryUnreachable(RegistryError):
    """The registry does not answer."""


class RegistryUnauthorized(RegistryError):
    """The registry wants credentials, or others (401)."""


class RegistryForbidden(RegistryError):
    """The registry knows who asks, and refuses (403)."""


class RegistryRateLimited(RegistryError):
    """The registry was asked too often (429)."""


class DigestMismatch(RegistryError):
    """The registry gave something else than the lock names."""


class ClusterError(KindgateError):
    """The cluster could not be created, reached or deleted."""

    exit_code = 16


class OwnershipError(ClusterError):
    """The cluster's name belongs to a living run or to somebody else."""

    exit_code = 22


class DeployError(KindgateError):
    """The application was applied and did not become healthy."""

    exit_code = 17


class ApiError(DeployError):
    """The API server refused a request, or gave no answer: then `status` is 0. `reason` is Kubernetes' own word for it.

    `causes` are the fields that it refuses, each with what it says about it.
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


class LoadError(KindgateError):
    """A burst that cannot be sent as asked."""

    exit_code = 18


class MetricsError(KindgateError):
    """Prometheus cannot be reached or refuses the query."""

    exit_code = 19


class NoSamplesError(MetricsError):
    """Prometheus answered the query with no samples."""


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
    """GitHub understood the request and said no; `status` is the HTTP status."""

    def __init__(self, message: str, *, status: int, next_step: str = "") -> None:
        super().__init__(message, next_step=next_step)
        self.status = status


class GitHubUnavailable(GitHubError):
    """No answer, a broken one, or one that asks to try again, `retry_after` seconds later if that was said.

    A request that ends like this may have been carried out all the same.
    """

    def __init__(self, message: str, *, retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class PublishRefused(GitHubError):
    """An artifact of an untrusted run that is not what it has to be."""

    exit_code = 24


class WaitTimeout(KindgateError):
    """A deadline passed before what was waited for came."""

    exit_code = 25


class NeverHappens(KindgateError):
    """What was waited for cannot come any more."""

    exit_code = 26


class SecretsMissing(KindgateError):
    """The application needs secrets that this run does not have: nothing is judged, tests are skipped, the run does not pass."""

    exit_code = 27


class NoVerdict(KindgateError):
    """Nothing was judged, or no usable report says what was: that is no reason to merge."""

    exit_code = 28
