;; Colour to grey, four pixels at a time with SIMD.
;;
;;   grayscale(from, to, count)    reads `count` RGBA pixels at `from`, writes `count` bytes of brightness at `to`
;;   luma(red, green, blue) -> brightness of one pixel, 0 to 255
;;
;; Brightness is (77 red + 150 green + 29 blue) / 256, the weights of BT.601 in integers; alpha is ignored.
;;
;; Known answers: luma(255, 0, 0) is 76, luma(0, 255, 0) is 149, luma(0, 0, 255) is 28, luma(255, 255, 255) is 255.
;; The memory starts with those four pixels and an orange one, so grayscale(0, 32, 5) writes 76 149 28 255 173 at 32.
(module
  (memory (export "memory") 1)
  (data (i32.const 0)
    "\ff\00\00\ff" "\00\ff\00\ff" "\00\00\ff\ff" "\ff\ff\ff\ff"
    "\ff\a5\00\ff")

  (func $luma (export "luma") (param $red i32) (param $green i32) (param $blue i32) (result i32)
    (i32.shr_u
      (i32.add
        (i32.add
          (i32.mul (local.get $red) (i32.const 77))
          (i32.mul (local.get $green) (i32.const 150)))
        (i32.mul (local.get $blue) (i32.const 29)))
      (i32.const 8)))

  ;; Multiplies the channels of two pixels, eight i16, by their weights and adds neighbours:
  ;; red and green of each pixel in an even lane, blue and nothing in the odd lane after it.
  (func $weigh (param $channels v128) (result v128)
    (i32x4.dot_i16x8_s
      (local.get $channels)
      (v128.const i16x8 77 150 29 0 77 150 29 0)))

  ;; The brightness of four pixels as four bytes.
  (func $luma_of_four (param $pixels v128) (result i32)
    (local $first v128)
    (local $second v128)
    (local $sums v128)
    (local.set $first (call $weigh (i16x8.extend_low_i8x16_u (local.get $pixels))))
    (local.set $second (call $weigh (i16x8.extend_high_i8x16_u (local.get $pixels))))
    (local.set $sums
      (i32x4.shr_u
        (i32x4.add
          ;; the even lanes
          (i8x16.shuffle 0 1 2 3 8 9 10 11 16 17 18 19 24 25 26 27 (local.get $first) (local.get $second))
          ;; the odd lanes
          (i8x16.shuffle 4 5 6 7 12 13 14 15 20 21 22 23 28 29 30 31 (local.get $first) (local.get $second)))
        (i32.const 8)))
    ;; Four i32 lanes, each at most 255, to four bytes.
    (local.set $sums (i16x8.narrow_i32x4_u (local.get $sums) (local.get $sums)))
    (i32x4.extract_lane 0 (i8x16.narrow_i16x8_u (local.get $sums) (local.get $sums))))

  (func (export "grayscale") (param $from i32) (param $to i32) (param $count i32)
    (block $few
      (loop $next_four
        (br_if $few (i32.lt_u (local.get $count) (i32.const 4)))
        (i32.store (local.get $to) (call $luma_of_four (v128.load (local.get $from))))
        (local.set $from (i32.add (local.get $from) (i32.const 16)))
        (local.set $to (i32.add (local.get $to) (i32.const 4)))
        (local.set $count (i32.sub (local.get $count) (i32.const 4)))
        (br $next_four)))
    ;; What four do not divide, one at a time.
    (block $done
      (loop $next
        (br_if $done (i32.eqz (local.get $count)))
        (i32.store8
          (local.get $to)
          (call $luma
            (i32.load8_u offset=0 (local.get $from))
            (i32.load8_u offset=1 (local.get $from))
            (i32.load8_u offset=2 (local.get $from))))
        (local.set $from (i32.add (local.get $from) (i32.const 4)))
        (local.set $to (i32.add (local.get $to) (i32.const 1)))
        (local.set $count (i32.sub (local.get $count) (i32.const 1)))
        (br $next)))))
