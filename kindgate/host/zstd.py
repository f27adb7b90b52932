"""zstd (RFC 8878) from the standard library, or from its backport before Python 3.14."""

from __future__ import annotations

import sys

if sys.version_info >= (3, 14):
    from compression.zstd import CompressionParameter, DecompressionParameter, ZstdError, ZstdFile, compress, decompress
else:
    from backports.zstd import CompressionParameter, DecompressionParameter, ZstdError, ZstdFile, compress, decompress

__all__ = ["CompressionParameter", "DecompressionParameter", "ZstdError", "ZstdFile", "compress", "decompress"]
