;; A component: its interface has strings, not addresses.
;;
;;   greet: func(name: string) -> string
;;
;; Known answers: greet("Ada") is "Hello, Ada!", greet("") is "Hello, !".
;;
;; A component wraps core modules. This one has a single module, which works on bytes in its memory, and the
;; `canon lift` at the end tells the host how a string becomes bytes there and back.
(component
  (core module $text
    (memory (export "memory") 1 1024)
    (data (i32.const 0) "Hello, ")

    ;; Where the next block of memory goes. The first 64 bytes are the greeting and the result's address and length.
    (global $top (mut i32) (i32.const 64))

    ;; The host calls it to get memory for a string. It only ever hands out new memory: `$finish` takes all of it back.
    (func $allocate (export "allocate")
      (param $old i32) (param $old_size i32) (param $align i32) (param $size i32) (result i32)
      (local $address i32)
      ;; top rounded up to the alignment
      (local.set $address
        (i32.and
          (i32.add (global.get $top) (i32.sub (local.get $align) (i32.const 1)))
          (i32.sub (i32.const 0) (local.get $align))))
      (global.set $top (i32.add (local.get $address) (local.get $size)))
      (call $grow_to (global.get $top))
      (memory.copy (local.get $address) (local.get $old) (local.get $old_size))
      (local.get $address))

    ;; Grows the memory so that $end fits in, or traps: a name may not need more than the memory's 64 MiB.
    (func $grow_to (param $end i32)
      (local $missing i32)
      (local.set $missing
        (i32.sub
          (i32.shr_u (i32.add (local.get $end) (i32.const 65535)) (i32.const 16))
          (memory.size)))
      (if (i32.gt_s (local.get $missing) (i32.const 0))
        (then
          (if (i32.eq (memory.grow (local.get $missing)) (i32.const -1))
            (then (unreachable))))))

    ;; Takes a string's address and length; returns where the result's address and length are.
    (func (export "greet") (param $name i32) (param $length i32) (result i32)
      (local $result i32)
      (local.set $result
        (call $allocate (i32.const 0) (i32.const 0) (i32.const 1) (i32.add (local.get $length) (i32.const 8))))
      (memory.copy (local.get $result) (i32.const 0) (i32.const 7))
      (memory.copy (i32.add (local.get $result) (i32.const 7)) (local.get $name) (local.get $length))
      (i32.store8 offset=7 (i32.add (local.get $result) (local.get $length)) (i32.const 33))
      (i32.store offset=32 (i32.const 0) (local.get $result))
      (i32.store offset=36 (i32.const 0) (i32.add (local.get $length) (i32.const 8)))
      (i32.const 32))

    ;; The host calls it when it has read the result.
    (func $finish (export "finish") (param $result i32)
      (global.set $top (i32.const 64))))

  (core instance $text (instantiate $text))

  (func (export "greet") (param "name" string) (result string)
    (canon lift
      (core func $text "greet")
      (memory $text "memory")
      (realloc (func $text "allocate"))
      (post-return (func $text "finish"))
      string-encoding=utf8)))
