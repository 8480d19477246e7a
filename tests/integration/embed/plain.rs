//! Load an artifact with an engine that nobody configured, and call its export "run".

use wasmtime::{Engine, Instance, Module, Result, Store};

fn main() -> Result<()> {
    let path = std::env::args().nth(1).expect("an artifact");
    let engine = Engine::default();
    // SAFETY: the test made the file.
    let module = unsafe { Module::deserialize_file(&engine, path)? };
    let mut store = Store::new(&engine, ());
    let instance = Instance::new(&mut store, &module, &[])?;
    if let Ok(run) = instance.get_typed_func::<(), i32>(&mut store, "run") {
        println!("{}", run.call(&mut store, ())?);
    }
    Ok(())
}
