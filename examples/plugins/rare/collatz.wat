;; How many steps the Collatz rule takes from a number down to 1.
(module
  (func (export "run") (param $x i64) (result i64)
    (local $steps i64)
    (block $done
      (loop $again
        (br_if $done (i64.le_u (local.get $x) (i64.const 1)))
        (local.set $steps (i64.add (local.get $steps) (i64.const 1)))
        (if (i64.eqz (i64.and (local.get $x) (i64.const 1)))
          (then (local.set $x (i64.shr_u (local.get $x) (i64.const 1))))
          (else (local.set $x (i64.add (i64.mul (local.get $x) (i64.const 3)) (i64.const 1)))))
        (br $again)))
    (local.get $steps)))
