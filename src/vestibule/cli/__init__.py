"""The command line: `vestibule COMMAND`. A file for each family of commands."""

from vestibule.cli.main import main

__all__ = ["main"]
