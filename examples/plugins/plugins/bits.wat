;; How many bits of a number are set: one instruction where the CPU level has POPCNT, several where it does not.
(module
  (func (export "run") (param $x i64) (result i64)
    (i64.popcnt (local.get $x))))
