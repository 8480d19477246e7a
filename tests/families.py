"""All families of targets, and a module that compiles for each of them with whatever settings."""

from __future__ import annotations

TRIPLES = (
    "x86_64-unknown-linux-gnu",
    "x86_64-unknown-linux-musl",
    "x86_64-pc-windows-msvc",
    "x86_64-apple-darwin",
    "x86_64-unknown-freebsd",
    "aarch64-unknown-linux-gnu",
    "aarch64-linux-android",
    "aarch64-apple-darwin",
    "aarch64-apple-ios",
    "aarch64-pc-windows-msvc",
    "riscv64gc-unknown-linux-gnu",
    "s390x-unknown-linux-gnu",
    "pulley32",
    "pulley32be",
    "pulley64",
    "pulley64be",
)

MODULE = """(module
  (memory (export "memory") 1)
  (table 10 funcref)
  (func $load (export "load") (param i32 i32) (result i32)
    (i32.load offset=100 (i32.add (local.get 0) (local.get 1))))
  (func (export "call") (param i32) (result i32)
    (call_indirect (param i32 i32) (result i32) (i32.const 1) (i32.const 2) (local.get 0)))
  (func (export "add") (param f64 f64) (result f64) (f64.add (local.get 0) (f64.ceil (local.get 1))))
  (func (export "grow") (result i32) (memory.grow (i32.const 1)))
  (elem (i32.const 0) $load)
  (data (i32.const 0) "abc"))"""
"""WebAssembly 1.0, valid with every feature off; what it does reaches memories, tables, calls and floats."""
