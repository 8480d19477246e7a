"""``wasmbuild completion``: a script that lets a shell complete the command line."""

from __future__ import annotations

import sys

from wasmbuild.errors import DONE
from wasmbuild.lean.typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

_SHELLS = ("bash", "zsh", "fish")


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=_SHELLS, help="the script to print; it completes ids and targets too")
    parser.epilog = """examples:
  bash: add to ~/.bashrc:  eval "$(wasmbuild completion bash)"
  zsh:  add to ~/.zshrc, below compinit:  eval "$(wasmbuild completion zsh)"
  fish: wasmbuild completion fish > ~/.config/fish/completions/wasmbuild.fish"""


def run(arguments: argparse.Namespace) -> int:
    from wasmbuild.command_line.completion import SHELLS
    from wasmbuild.command_line.completion.words import commands

    sys.stdout.write(SHELLS[arguments.shell](commands()))
    return DONE
