//! Load a precompiled module and call it. Usage: host [FILE [SHA256]]
//!
//! FILE is by default the artifact that was built for this platform. With SHA256 its bytes are compared first.

mod engine;

use std::error::Error;
use std::process::ExitCode;

use wasmtime::{Engine, Instance, Module, Store};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("host: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().unwrap_or_else(|| format!("build/{}/gcd.cwasm", engine::TARGET));
    let sha256 = arguments.next();
    let engine = engine::engine()?;
    // SAFETY: whoever starts this program vouches for the file, or for its digest.
    let module = unsafe { engine::load(&engine, path, sha256.as_deref())? };
    println!("gcd(1071, 462) = {}", gcd(&engine, &module, 1071, 462)?);
    Ok(())
}

fn gcd(engine: &Engine, module: &Module, a: i32, b: i32) -> wasmtime::Result<i32> {
    let mut store = Store::new(engine, ());
    store.set_epoch_deadline(1);
    let instance = Instance::new(&mut store, module, &[])?;
    let gcd = instance.get_typed_func::<(i32, i32), i32>(&mut store, "gcd")?;
    gcd.call(&mut store, (a, b))
}
