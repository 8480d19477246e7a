"""The commands: each module has the options of one, and runs it."""
