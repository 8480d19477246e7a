"""The engine that will load the artifacts: triples, CPU levels, settings, and what each line of Wasmtime has."""
