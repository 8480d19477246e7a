//! Load an artifact with the engine of the generated module.

mod engine;

fn main() {
    let path = std::env::args().nth(1).expect("an artifact");
    // SAFETY: the test made the file.
    match engine::engine().and_then(|engine| unsafe { engine::load(&engine, path, None) }) {
        Ok(_) => println!("loaded"),
        Err(error) => {
            eprintln!("host: {error}");
            std::process::exit(1);
        }
    }
}
