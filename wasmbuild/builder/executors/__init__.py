"""Where compiles run: one module for each kind of place."""
