"""Where compiles run: on this machine, or on the workers of a cluster."""
