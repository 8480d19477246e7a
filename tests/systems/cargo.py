"""Cargo: the whole project as the build script of a crate."""

from __future__ import annotations

from systems import JOBS, System

MANIFEST = """\
[package]
name = "demo"
version = "0.1.0"
edition = "2021"
"""
BUILD = """\
fn main() {
    let built = std::process::Command::new("wasmbuild").args(["build", "--cargo"]).status();
    let status = built.expect("wasmbuild cannot be started; pip install 'wasmbuild[cross]'");
    std::process::exit(status.code().unwrap_or(1));
}
"""
MAIN = """\
static ADD: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/wasm/", env!("WASMBUILD_TARGET"), "/add.cwasm"));
fn main() {
    println!("{}", ADD.len());
}
"""


def system(target: str = "target") -> System:
    unseen = "Cargo watches inputs, and would build twice if it watched what was built: cargo clean -p demo"
    return System(
        "cargo",
        {"Cargo.toml": MANIFEST, "build.rs": BUILD, "src/main.rs": MAIN},
        ("cargo", "build", "--offline", "--target-dir", target, f"-j{JOBS}"),
        # Other tests have the one cache of packages too, and Cargo says when it waits for them.
        r"( *Blocking waiting for file lock on package cache\n)* *Finished `dev` profile .*\n",
        ("cargo", "clean", "--target-dir", target),
        system,
        out=f"{target}/debug/build/demo-*/out/wasm",
        beside=("engine.rs",),
        needs=("cargo",),
        reasons=dict.fromkeys(("deleted", "manifest_deleted", "manifest_tampered", "tampered"), unseen),
    )


SYSTEMS = (system(),)
