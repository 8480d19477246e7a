"""wasmbuild: precompile WebAssembly for Wasmtime, for every target, and prove that the artifacts load."""

__version__ = "0.1.0"
