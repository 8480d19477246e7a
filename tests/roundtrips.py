"""Core modules for components whose functions give back what they take."""

from __future__ import annotations

CORE = """(core module $m
    (memory (export "memory") 1)
    (global $free (mut i32) (i32.const 1024))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (local $at i32)
      (local.set $at (i32.and (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
      (global.set $free (i32.add (local.get $at) (local.get 3))) (local.get $at))
    (func (export "i32") (param i32) (result i32) (local.get 0))
    (func (export "i64") (param i64) (result i64) (local.get 0))
    (func (export "f32") (param f32) (result f32) (local.get 0))
    (func (export "f64") (param f64) (result f64) (local.get 0))
    (func (export "pair") (param i32 i32) (result i32)
      (i32.store (i32.const 0) (local.get 0)) (i32.store (i32.const 4) (local.get 1)) (i32.const 0))
    (func (export "none"))
    (func (export "number") (result i32) (i32.const 7))
    (func (export "trap") unreachable)
    (tag $tag)
    (func (export "throw") (throw $tag))
    (func (export "forever") (loop (br 0))))
  (core instance $i (instantiate $m))"""
"""An instance of it is ``$i``; ``pair`` gives back two words by their address. Some functions end in other ways."""

COUNTERS_CORE = """(core module $m (func (export "get") (param i32) (result i32) local.get 0))
  (core instance $i (instantiate $m))
  (type $r (resource (rep i32)))
  (core func $new (canon resource.new $r))
  (core module $w (import "" "new" (func $new (param i32) (result i32)))
    (func (export "make") (param i32) (result i32) (call $new (local.get 0))))
  (core instance $wi (instantiate $w (with "" (instance (export "new" (func $new))))))"""
"""Its resource is ``$r``, which ``make`` of ``$wi`` makes of a number and ``get`` of ``$i`` gives back."""
