"""Completion of the command line in shells: scripts made from what the parsers say."""

from wasmbuild.command_line.completion import bash, fish, zsh

SHELLS = {"bash": bash.script, "zsh": zsh.script, "fish": fish.script}
