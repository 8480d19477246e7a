"""The commands: the module of its name has the options of each and runs it; the other modules are parts of these."""
