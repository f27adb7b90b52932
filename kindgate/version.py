"""The installed version of kindgate."""

from importlib.metadata import version

__version__ = version("kindgate")
