//! Load artifacts that wasmbuild made, and say what is wrong with the others: the part that is the same in every module
//! that `wasmbuild embed --lang rust` writes, for the crates `wasmtime` and `sha2`.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use sha2::{Digest, Sha256};
use wasmtime::{Config, Engine, Module};

/// What loading comes to when it fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// The file cannot be opened or read.
    Unreadable,
    /// Standard WebAssembly where a precompiled artifact is needed.
    NotPrecompiled,
    /// A component where a module is needed, or the other way round.
    OtherKind,
    /// Precompiled by another major version of Wasmtime.
    OtherLine,
    /// Precompiled for another architecture or operating system.
    OtherPlatform,
    /// Precompiled for a better CPU than this one.
    OtherCpu,
    /// Precompiled for an engine with other settings.
    OtherSettings,
    /// Not the bytes that were built.
    Damaged,
    /// No WebAssembly of any kind.
    NoWasm,
    /// This program may not have what loading takes, such as memory.
    HostLimit,
}

/// Why an artifact or an engine cannot be used, and what to do.
#[derive(Debug)]
pub struct LoadError {
    pub status: Status,
    message: String,
}

impl fmt::Display for LoadError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for LoadError {}

/// What is declared: what Wasmtime says of others, and what proves that an engine is one.
pub struct Declared {
    /// Where it is declared, for people.
    pub origin: &'static str,
    /// What to do with WebAssembly that is not precompiled, and with a component that is not.
    pub compile_hint: &'static str,
    pub compile_component_hint: &'static str,
    /// What to do with a precompiled component.
    pub load_component_hint: &'static str,
    /// A part of Wasmtime's message, what it means, the problem and what to do; what fits none is damage.
    pub refusals: &'static [Refusal],
    /// The artifact of an empty module for this platform, without most of its zeros, and its size; 0 where there is none.
    pub probe: &'static [(usize, &'static [u8])],
    pub probe_size: usize,
}

pub type Refusal = (&'static str, Status, &'static str, &'static str);

/// Return an engine of a configuration, which was checked.
pub fn engine(config: &Config, declared: &Declared) -> Result<Engine, LoadError> {
    let engine = Engine::new(config).map_err(|error| LoadError {
        status: Status::OtherSettings,
        message: format!("Wasmtime makes no engine with these settings: {error:#}"),
    })?;
    check(&engine, declared)?;
    Ok(engine)
}

/// Check that an engine is configured as declared, by loading the artifact of an empty module into it.
pub fn check(engine: &Engine, declared: &Declared) -> Result<(), LoadError> {
    if declared.probe_size == 0 {
        return Err(LoadError {
            status: Status::OtherPlatform,
            message: format!(
                "no target of {} is for the platform that this program was built for; declare one, and generate this \
                 file again",
                declared.origin
            ),
        });
    }
    let mut bytes = vec![0; declared.probe_size];
    for (offset, part) in declared.probe {
        bytes[*offset..offset + part.len()].copy_from_slice(part);
    }
    // SAFETY: these bytes are the artifact of an empty module, as Wasmtime wrote it.
    match unsafe { Module::deserialize(engine, bytes) } {
        Ok(_) => Ok(()),
        Err(error) => Err(refused(
            "this program's engine cannot load an empty module",
            &error,
            declared,
        )),
    }
}

/// Load a precompiled module.
///
/// With `sha256`, 64 hexadecimal digits as in manifest.json, its bytes are compared first, and those very bytes are
/// loaded; without it (`None`) Wasmtime notices an artifact that was cut short, but almost no other damage.
///
/// # Safety
///
/// Artifacts are machine code: the file has to be one that you trust as much as the program itself, unchanged since it
/// was built. A digest that comes from where only you can write proves that; nothing else here does.
pub unsafe fn load(
    engine: &Engine,
    path: &Path,
    sha256: Option<&str>,
    declared: &Declared,
) -> Result<Module, LoadError> {
    let shown = path.display();
    let unreadable = |error: std::io::Error| LoadError {
        status: Status::Unreadable,
        message: format!("{shown}: cannot be read: {error}"),
    };
    let loaded = if let Some(wanted) = sha256 {
        let bytes = std::fs::read(path).map_err(unreadable)?;
        look(&bytes, path, declared)?;
        let digest: String = Sha256::digest(&bytes)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        if !digest.eq_ignore_ascii_case(wanted) {
            return Err(LoadError {
                status: Status::Damaged,
                message: format!(
                    "{shown}: is damaged: its SHA-256 is {digest}, not {wanted}; build it again, or copy it again from \
                     where it was built"
                ),
            });
        }
        // SAFETY: promised by the caller.
        unsafe { Module::deserialize(engine, bytes) }
    } else {
        let mut head = Vec::new();
        File::open(path)
            .and_then(|file| file.take(HEAD as u64).read_to_end(&mut head))
            .map_err(unreadable)?;
        look(&head, path, declared)?;
        // SAFETY: promised by the caller.
        unsafe { Module::deserialize_file(engine, path) }
    };
    loaded.map_err(|error| refused(&shown.to_string(), &error, declared))
}

/// How many bytes tell what a file is.
const HEAD: usize = 52;

/// Find out by its first bytes whether a file is a precompiled module.
fn look(head: &[u8], path: &Path, declared: &Declared) -> Result<(), LoadError> {
    let shown = path.display();
    let failed = |status, why: String| {
        Err(LoadError {
            status,
            message: format!("{shown}: {why}"),
        })
    };
    let head = &head[..head.len().min(HEAD)];
    if head.is_empty() {
        return failed(
            Status::Damaged,
            "is empty; build it again, or copy it again".to_string(),
        );
    }
    let first = head.iter().find(|byte| !byte.is_ascii_whitespace());
    if head.starts_with(b"\0asm") || matches!(first, Some(b'(' | b';')) {
        let kind = if head[0] == 0 {
            "standard WebAssembly"
        } else {
            "WebAssembly text"
        };
        let hint = if head[0] == 0 && head.get(6) == Some(&1) {
            declared.compile_component_hint
        } else {
            declared.compile_hint
        };
        return failed(
            Status::NotPrecompiled,
            format!("is {kind}, not a precompiled artifact; {hint}"),
        );
    }
    if !head.starts_with(b"\x7fELF") || head.get(7) != Some(&200) {
        return failed(
            Status::NoWasm,
            "is neither a precompiled artifact nor WebAssembly; pass a .cwasm that wasmbuild wrote"
                .to_string(),
        );
    }
    if head.len() < HEAD {
        return failed(
            Status::Damaged,
            format!(
                "is damaged: it has {} bytes only; build it again, or copy it again",
                head.len()
            ),
        );
    }
    // e_flags, whose first byte is the least significant one but on big-endian machines.
    if head[if head[5] == 2 { 51 } else { 48 }] & 2 != 0 {
        return failed(
            Status::OtherKind,
            format!(
                "is a precompiled component; {}",
                declared.load_component_hint
            ),
        );
    }
    Ok(())
}

/// Say what an error of Wasmtime means.
fn refused(what: &str, error: &wasmtime::Error, declared: &Declared) -> LoadError {
    let cause = error.root_cause().to_string();
    let (_, status, problem, fix) = declared
        .refusals
        .iter()
        .find(|(part, ..)| cause.contains(part))
        .unwrap_or(&DAMAGED);
    LoadError {
        status: *status,
        message: format!("{what}: {problem} ({cause}); {fix}"),
    }
}

const DAMAGED: Refusal = (
    "",
    Status::Damaged,
    "is damaged, cut short for example",
    "build it again, or copy it again from where it was built",
);
