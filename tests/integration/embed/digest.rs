//! Write the SHA-256 of every beginning of what is read, from nothing to all of it.
#![allow(dead_code)]

// Not `mod engine`: its SHA-256 is for nobody else.
include!("engine.rs");

fn main() {
    let mut data = Vec::new();
    std::io::stdin().read_to_end(&mut data).expect("data");
    for part in 0..=data.len() {
        println!("{}", hex_sha256(&data[..part]));
    }
}
