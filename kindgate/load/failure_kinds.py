"""Which kind of failure one of libcurl's errors is (numbered as in libcurl-errors(3))."""

from __future__ import annotations

import errno
from typing import Final

import pycurl

from kindgate.load.result import FailureKind

_KINDS: Final = {
    pycurl.E_COULDNT_RESOLVE_HOST: FailureKind.DNS,
    pycurl.E_COULDNT_RESOLVE_PROXY: FailureKind.DNS,
    pycurl.E_COULDNT_CONNECT: FailureKind.CONNECT,
    pycurl.E_INTERFACE_FAILED: FailureKind.CONNECT,
    pycurl.E_OPERATION_TIMEDOUT: FailureKind.TIMEOUT,
    pycurl.E_SSL_CONNECT_ERROR: FailureKind.TLS,
    pycurl.E_SSL_ENGINE_NOTFOUND: FailureKind.TLS,
    pycurl.E_SSL_ENGINE_SETFAILED: FailureKind.TLS,
    pycurl.E_SSL_CERTPROBLEM: FailureKind.TLS,
    pycurl.E_SSL_CIPHER: FailureKind.TLS,
    pycurl.E_PEER_FAILED_VERIFICATION: FailureKind.TLS,
    pycurl.E_USE_SSL_FAILED: FailureKind.TLS,
    pycurl.E_SSL_CACERT_BADFILE: FailureKind.TLS,
    pycurl.E_SSL_SHUTDOWN_FAILED: FailureKind.TLS,
    pycurl.E_SSL_CRL_BADFILE: FailureKind.TLS,
    pycurl.E_SSL_ISSUER_ERROR: FailureKind.TLS,
    pycurl.E_SSL_PINNEDPUBKEYNOTMATCH: FailureKind.TLS,
    pycurl.E_SSL_INVALIDCERTSTATUS: FailureKind.TLS,
    # Not an HTTP response: a bare body (HTTP/0.9), a broken status line or encoding.
    pycurl.E_UNSUPPORTED_PROTOCOL: FailureKind.HTTP,
    pycurl.E_FTP_WEIRD_SERVER_REPLY: FailureKind.HTTP,
    pycurl.E_BAD_CONTENT_ENCODING: FailureKind.HTTP,
    pycurl.E_TOO_MANY_REDIRECTS: FailureKind.HTTP,
}

_MACHINE_FAULTS: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.EADDRNOTAVAIL, errno.ENOBUFS})


def failure_kind(error: int, os_error: int) -> FailureKind | None:
    """The kind of a transfer that ended with libcurl's `error`; None if this machine ran out of ports or descriptors.

    Errors without a specific kind are resets: an empty response, a failed send or receive, a truncated body, a broken
    HTTP/2 stream, a connection closed under a request that must not be sent twice.
    """
    if error == pycurl.E_COULDNT_CONNECT and os_error in _MACHINE_FAULTS:
        return None
    return _KINDS.get(error, FailureKind.RESET)
