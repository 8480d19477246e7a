"""The command line: which command is meant, and with which options."""
