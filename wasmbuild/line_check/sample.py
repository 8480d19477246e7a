"""The module that is compiled: WebAssembly 1.0, so that it is valid with every feature off."""

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
"""What it does reaches memories, tables, calls and floats."""
