;; The sum of the decimal digits of a number.
(module
  (func (export "run") (param $x i64) (result i64)
    (local $sum i64)
    (loop $again
      (local.set $sum (i64.add (local.get $sum) (i64.rem_u (local.get $x) (i64.const 10))))
      (local.set $x (i64.div_u (local.get $x) (i64.const 10)))
      (br_if $again (i64.ne (local.get $x) (i64.const 0))))
    (local.get $sum)))
