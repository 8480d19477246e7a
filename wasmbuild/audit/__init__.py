"""Which known faults of Wasmtime concern artifacts that were made: judged by manifests alone, years later too.

A fault of a compiler stays in what it compiled, and the loader looks at the major version only: what was compiled
before a fix loads for ever. Records of such faults are data (``advisories/``), judging one artifact is a pure function
(``judge``), and nothing that is judged is ever loaded.
"""
