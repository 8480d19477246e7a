;; CRC-32, the checksum of zip, gzip, PNG and Ethernet.
;;
;;   crc32(address, length) -> checksum of `length` bytes of memory at `address`
;;
;; The known answer of every CRC-32 is that of the nine bytes "123456789": 0xCBF43926, or 3421780262.
;; The memory starts with those bytes, so crc32(0, 9) gives it. A host checks its own data by writing
;; them into the exported memory, anywhere in the first 64 KiB.
(module
  ;; Page 0 is the host's. Page 1 holds the table, one i32 for each value of a byte.
  (memory (export "memory") 2)
  (data (i32.const 0) "123456789")
  (global $table i32 (i32.const 65536))

  ;; The polynomial x^32 + x^26 + x^23 + ... + 1 with its bits reversed, as these formats send the low bit first.
  (global $polynomial i32 (i32.const 0xEDB88320))

  ;; What eight steps of the bitwise algorithm do to one byte.
  (func $entry (param $byte i32) (result i32)
    (local $steps i32)
    (local.set $steps (i32.const 8))
    (loop $next
      (local.set $byte
        (i32.xor
          (i32.shr_u (local.get $byte) (i32.const 1))
          ;; The polynomial where the low bit is 1, and 0 where it is 0.
          (i32.and
            (global.get $polynomial)
            (i32.sub (i32.const 0) (i32.and (local.get $byte) (i32.const 1))))))
      (br_if $next (local.tee $steps (i32.sub (local.get $steps) (i32.const 1)))))
    (local.get $byte))

  ;; Fills the table, once, when the module is instantiated.
  (func $fill_table
    (local $byte i32)
    (loop $next
      (i32.store
        (i32.add (global.get $table) (i32.shl (local.get $byte) (i32.const 2)))
        (call $entry (local.get $byte)))
      (br_if $next
        (i32.lt_u
          (local.tee $byte (i32.add (local.get $byte) (i32.const 1)))
          (i32.const 256)))))
  (start $fill_table)

  (func (export "crc32") (param $address i32) (param $length i32) (result i32)
    (local $end i32)
    (local $crc i32)
    (local.set $end (i32.add (local.get $address) (local.get $length)))
    (local.set $crc (i32.const -1))
    (block $done
      (loop $next
        (br_if $done (i32.eq (local.get $address) (local.get $end)))
        ;; crc = table[(crc ^ byte) & 255] ^ (crc >> 8)
        (local.set $crc
          (i32.xor
            (i32.load
              (i32.add
                (global.get $table)
                (i32.shl
                  (i32.and
                    (i32.xor (local.get $crc) (i32.load8_u (local.get $address)))
                    (i32.const 255))
                  (i32.const 2))))
            (i32.shr_u (local.get $crc) (i32.const 8))))
        (local.set $address (i32.add (local.get $address) (i32.const 1)))
        (br $next)))
    (i32.xor (local.get $crc) (i32.const -1))))
