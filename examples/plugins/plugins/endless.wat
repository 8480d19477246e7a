;; Never ends by itself.
(module
  (func (export "run") (param i64) (result i64)
    (loop $again (br $again))
    (i64.const 0)))
