;; Base64, as in RFC 4648: any bytes as letters, digits, + and /.
;;
;;   encode(from, length, to) -> length of the text, a multiple of four, which is written at `to`
;;
;; The text must not overlap the bytes. Known answers are those of the RFC: "" "f" "fo" "foo" "foob" "fooba" "foobar"
;; give "" "Zg==" "Zm8=" "Zm9v" "Zm9vYg==" "Zm9vYmE=" "Zm9vYmFy". The memory has "foobar" at 1024, so
;; encode(1024, 6, 2048) is 8. A host may use any of the memory from 1024 on, and grow it.
(module
  (memory (export "memory") 1)
  (data (i32.const 0) "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
  (data (i32.const 1024) "foobar")

  ;; The character for six bits of $group, those from bit $shift on.
  (func $character (param $group i32) (param $shift i32) (result i32)
    (i32.load8_u
      (i32.and
        (i32.shr_u (local.get $group) (local.get $shift))
        (i32.const 63))))

  (func (export "encode") (param $from i32) (param $length i32) (param $to i32) (result i32)
    (local $start i32)
    (local $group i32)
    (local.set $start (local.get $to))
    (block $rest
      (loop $next
        (br_if $rest (i32.lt_u (local.get $length) (i32.const 3)))
        ;; Three bytes are 24 bits, and those are four characters.
        (local.set $group
          (i32.or
            (i32.or
              (i32.shl (i32.load8_u offset=0 (local.get $from)) (i32.const 16))
              (i32.shl (i32.load8_u offset=1 (local.get $from)) (i32.const 8)))
            (i32.load8_u offset=2 (local.get $from))))
        (i32.store8 offset=0 (local.get $to) (call $character (local.get $group) (i32.const 18)))
        (i32.store8 offset=1 (local.get $to) (call $character (local.get $group) (i32.const 12)))
        (i32.store8 offset=2 (local.get $to) (call $character (local.get $group) (i32.const 6)))
        (i32.store8 offset=3 (local.get $to) (call $character (local.get $group) (i32.const 0)))
        (local.set $from (i32.add (local.get $from) (i32.const 3)))
        (local.set $length (i32.sub (local.get $length) (i32.const 3)))
        (local.set $to (i32.add (local.get $to) (i32.const 4)))
        (br $next)))
    ;; One or two bytes are left: two or three characters, and "=" for each that is missing.
    (if (local.get $length)
      (then
        (local.set $group (i32.shl (i32.load8_u offset=0 (local.get $from)) (i32.const 16)))
        (if (i32.eq (local.get $length) (i32.const 2))
          (then
            (local.set $group
              (i32.or
                (local.get $group)
                (i32.shl (i32.load8_u offset=1 (local.get $from)) (i32.const 8))))))
        (i32.store8 offset=0 (local.get $to) (call $character (local.get $group) (i32.const 18)))
        (i32.store8 offset=1 (local.get $to) (call $character (local.get $group) (i32.const 12)))
        (i32.store8 offset=2 (local.get $to)
          (if (result i32) (i32.eq (local.get $length) (i32.const 2))
            (then (call $character (local.get $group) (i32.const 6)))
            (else (i32.const 61))))
        (i32.store8 offset=3 (local.get $to) (i32.const 61))
        (local.set $to (i32.add (local.get $to) (i32.const 4)))))
    (i32.sub (local.get $to) (local.get $start))))
