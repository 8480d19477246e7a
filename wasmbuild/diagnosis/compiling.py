"""What compilers of Wasmtime say about a source or about themselves: executables, and the library in a child.

Most messages about sources are those of the crate ``wasmparser``. Each row is tried against every compiler at hand with
an input that makes it say so (``tests/integration/test_diagnosis.py``).
"""

from __future__ import annotations

from wasmbuild.diagnosis.cause import Cause, Row, first

NO_SPACE = "no-space"
NOT_WRITTEN = "not-written"
LEGACY_EXCEPTIONS = "legacy-exceptions"
UNKNOWN_PROPOSAL = "unknown-proposal"
HOST_CPU = "host-cpu"
REFUSED_SETTINGS = "refused-settings"
DWARF = "dwarf"
NEEDS_AVX = "needs-avx"
NOT_IN_WINCH = "not-in-winch"
FEATURE = "feature"
NO_CODE = "no-code"
NOT_IMPLEMENTED = "not-implemented"
LIMIT = "limit"
CODE_LIMIT = "code-limit"
CUT_SHORT = "cut-short"
UNKNOWN_CODE = "unknown-code"
INVALID = "invalid"
NO_COMPILER = "no-compiler"

TABLE = (
    Row(NO_SPACE, r"No space left on device|not enough space on the disk|[Qq]uota exceeded|File too large"),
    Row(NOT_WRITTEN, r"failed to write output"),
    Row(LEGACY_EXCEPTIONS, r"legacy_exceptions feature required|legacy exceptions"),
    Row(HOST_CPU, r'compilation setting "(\w+)" is enabled, but not available on the host'),
    # The C API has no way to say that settings are wrong: it panics.
    Row(REFUSED_SETTINGS, r"c-api/src/engine\.rs\S*\n.*called `Result::unwrap\(\)` on an `Err` value: (.*)"),
    Row(DWARF, r"panicked at \S*debug/transform/|failed to emit DWARF debug information", "debug-info"),
    Row(NEEDS_AVX, r"Instruction not implemented for CPUs without (AVX2?) support", "strategy"),
    Row(NOT_IN_WINCH, r"Unimplemented (?:Wasm instruction|Masm instruction|Wasm load kind)|Unsupported Wasm type",
        "strategy"),
    Row(NO_COMPILER, r"unrecognized subcommand|failed to open wasm module \"compile\""),
    # Features that are on, and that the compiler knows nothing of.
    Row(NO_CODE, r"stack switching (?:types|instructions) not implemented", "wasm-stack-switching"),
    Row(NO_CODE, r"exception operators are not yet|proposed exception handling operator", "wasm-exceptions"),
    # Features that are off, as the validator calls them.
    Row(FEATURE, r"threads must be enabled|threads support is not enabled", "wasm-threads"),
    Row(FEATURE, r"relaxed SIMD support is not enabled", "wasm-relaxed-simd"),
    Row(FEATURE, r"SIMD support is not enabled", "wasm-simd"),
    Row(FEATURE, r"memory64 must be enabled", "wasm-memory64"),
    Row(FEATURE, r"wide arithmetic support is not enabled", "wasm-wide-arithmetic"),
    Row(FEATURE, r"custom page sizes proposal must be enabled", "wasm-custom-page-sizes"),
    Row(
        FEATURE,
        r"stack switching (?:is disabled|support is not enabled)|without the stack switching feature",
        "wasm-stack-switching",
    ),
    # Suspending is what gives tags results.
    Row(FEATURE, r"non-empty tag result type", "wasm-stack-switching"),
    Row(
        FEATURE,
        r"bulk memory support is not enabled|bulk memory must be enabled|require the bulk-memory proposal",
        "wasm-bulk-memory",
    ),
    Row(FEATURE, r"^\s*(?:Invalid input WebAssembly code at offset \d+: )?multiple memories", "wasm-multi-memory"),
    Row(FEATURE, r"multi-value is not enabled|multi-value feature is not enabled", "wasm-multi-value"),
    Row(FEATURE, r"tail calls support is not enabled", "wasm-tail-call"),
    Row(FEATURE, r"reference types support is not enabled|^\s*multiple tables", "wasm-reference-types"),
    Row(FEATURE, r"function references (?:required|support)", "wasm-function-references"),
    Row(
        FEATURE,
        r"gc support is not enabled|gc proposal must be enabled|`gc` proposal to be enabled|without the gc feature|"
        r"because the GC proposal is disabled|global\.get of locally defined global",
        "wasm-gc",
    ),
    Row(FEATURE, r"gc types are (?:disallowed|disabled)|GC types disabled at configuration time", "gc-support"),
    Row(
        FEATURE,
        r"exceptions (?:proposal|support is) not enabled|without the exception handling feature",
        "wasm-exceptions",
    ),
    Row(FEATURE, r"component model feature is not enabled", "wasm-component-model"),
    Row(FEATURE, r"require the component model map feature", "wasm-component-model-map"),
    Row(FEATURE, r"component model fixed-length lists feature", "wasm-component-model-fixed-length-lists"),
    Row(FEATURE, r"component model error-context feature", "wasm-component-model-error-context"),
    Row(FEATURE, r"component model async stackful feature", "wasm-component-model-async-stackful"),
    Row(FEATURE, r"component model more async builtins feature", "wasm-component-model-more-async-builtins"),
    # With it there is a second slot of context; a third there never is.
    Row(FEATURE, r"component model threading feature|context\.[gs]et` immediate must be zero: 1\b",
        "wasm-component-model-threading"),
    Row(FEATURE, r"component model async feature", "wasm-component-model-async"),
    Row(FEATURE, r"`cm-gc` feature", "wasm-component-model-gc"),
    Row(FEATURE, r"`cm-implements` feature", "wasm-component-model-implements"),
    Row(FEATURE, r"`cm64` feature|component model 64-bit feature", "wasm-component-model-memory64"),
    Row(FEATURE, r"shared-everything-threads (?:proposal|support is not enabled)", "wasm-shared-everything-threads"),
    # Proposals that no setting turns on.
    Row(UNKNOWN_PROPOSAL, r"with (compact imports) proposal disabled"),
    Row(UNKNOWN_PROPOSAL, r"(memory control) support is not enabled"),
    Row(UNKNOWN_PROPOSAL, r"(custom.descriptors) (?:proposal|are unsupported|required|support)"),
    Row(UNKNOWN_PROPOSAL, r"support for (component model `value`s) is not enabled"),
    Row(
        NOT_IMPLEMENTED,
        r"component export `.*` is a reexport of .*|root-level component imports are not supported|"
        r"exporting a component from the root component is not supported|unsupported type export",
    ),
    # Limits of the implementation, for files that may well be valid.
    Row(CODE_LIMIT, r"too many locals: locals exceed maximum"),
    Row(CODE_LIMIT, r"function body size count exceeds limit of \d+"),
    Row(CODE_LIMIT, r"exceeds the implementation limit of \d+"),
    Row(LIMIT, r"[a-z ]+ count exceeds limit of \d+|[a-z ]+ size is out of bounds|string size out of bounds|"
               r"sub type hierarchy too deep: .*depth \d+|type nesting is too deep|"
               r"effective type size exceeds the limit of \d+"),
    Row(CUT_SHORT, r"unexpected end-of-file|unexpected end of|length out of bounds|section size mismatch|"
                   r"unexpected content in the"),
    Row(UNKNOWN_CODE, r"invalid leading byte|invalid value type|illegal opcode|unknown \S+ subopcode|"
                      r"malformed section id"),
    Row(INVALID, r"Invalid input WebAssembly code|failed to parse WebAssembly module"),
)  # fmt: skip


def cause(said: str, line: int | None = None) -> Cause | None:
    """Return what a compiler's words mean, or None where that is not known."""
    return first(TABLE, said, line)
