//! A program with its WebAssembly inside, precompiled by build.rs for the machine that the program is for.

use wasmtime::{Instance, Module, Result, Store};

/// The engine as wasmbuild.toml declares it.
mod engine {
    include!(concat!(env!("OUT_DIR"), "/wasm/engine.rs"));
}

static GCD: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/wasm/", env!("WASMBUILD_TARGET"), "/gcd.cwasm"));

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let engine = engine::engine()?;
    // SAFETY: these are the bytes that this program was built with.
    let module = unsafe { Module::deserialize(&engine, GCD)? };
    println!("gcd(1071, 462) = {}", gcd(&module, 1071, 462)?);
    Ok(())
}

fn gcd(module: &Module, a: i32, b: i32) -> Result<i32> {
    let mut store = Store::new(module.engine(), ());
    let instance = Instance::new(&mut store, module, &[])?;
    instance.get_typed_func::<(i32, i32), i32>(&mut store, "gcd")?.call(&mut store, (a, b))
}
