;; Quicksort of numbers in memory, by an order that is chosen at run time.
;;
;;   sort(address, count, order)              sorts `count` signed 32-bit integers at `address`
;;   sorted(address, count, order) -> 1 when they are in order, 0 when not
;;
;; `order` is an index of the table of comparisons: 0 rising, 1 falling; any other traps.
;; The memory starts with the six integers 3 -1 2 7 2 0. Known answers: sorted(0, 6, 0) is 0 at first; after
;; sort(0, 6, 0) they are -1 0 2 2 3 7 and sorted(0, 6, 0) is 1.
(module
  (memory (export "memory") 1)
  (data (i32.const 0) "\03\00\00\00" "\ff\ff\ff\ff" "\02\00\00\00" "\07\00\00\00" "\02\00\00\00" "\00\00\00\00")

  (type $before (func (param i32 i32) (result i32)))
  (table funcref (elem $rising $falling))
  (func $rising (type $before) (i32.lt_s (local.get 0) (local.get 1)))
  (func $falling (type $before) (i32.gt_s (local.get 0) (local.get 1)))

  (func (export "sort") (param $address i32) (param $count i32) (param $order i32)
    (if (i32.gt_s (local.get $count) (i32.const 1))
      (then
        (call $sort_range
          (local.get $address)
          (i32.add (local.get $address) (i32.shl (i32.sub (local.get $count) (i32.const 1)) (i32.const 2)))
          (local.get $order)))))

  ;; Sorts from the integer at $first to that at $last, both included, as Hoare does: what belongs before the
  ;; pivot and what belongs after it change places from both ends until the ends have met. The right end may step to
  ;; -4, so addresses are compared as signed numbers.
  (func $sort_range (param $first i32) (param $last i32) (param $order i32)
    (local $left i32)
    (local $right i32)
    (local $pivot i32)
    (local $kept i32)
    (local.set $left (local.get $first))
    (local.set $right (local.get $last))
    ;; The pivot is the middle one, so that a sorted range is the best case and not the worst.
    (local.set $pivot
      (i32.load
        (i32.add
          (local.get $first)
          (i32.and
            (i32.shr_u (i32.sub (local.get $last) (local.get $first)) (i32.const 1))
            (i32.const -4)))))
    (loop $partition
      (local.set $left (i32.sub (local.get $left) (i32.const 4)))
      (loop $skip_left
        (local.set $left (i32.add (local.get $left) (i32.const 4)))
        (br_if $skip_left
          (call_indirect (type $before) (i32.load (local.get $left)) (local.get $pivot) (local.get $order))))
      (local.set $right (i32.add (local.get $right) (i32.const 4)))
      (loop $skip_right
        (local.set $right (i32.sub (local.get $right) (i32.const 4)))
        (br_if $skip_right
          (call_indirect (type $before) (local.get $pivot) (i32.load (local.get $right)) (local.get $order))))
      (if (i32.le_s (local.get $left) (local.get $right))
        (then
          (local.set $kept (i32.load (local.get $left)))
          (i32.store (local.get $left) (i32.load (local.get $right)))
          (i32.store (local.get $right) (local.get $kept))
          (local.set $left (i32.add (local.get $left) (i32.const 4)))
          (local.set $right (i32.sub (local.get $right) (i32.const 4)))))
      (br_if $partition (i32.le_s (local.get $left) (local.get $right))))
    (if (i32.lt_s (local.get $first) (local.get $right))
      (then (call $sort_range (local.get $first) (local.get $right) (local.get $order))))
    (if (i32.lt_s (local.get $left) (local.get $last))
      (then (call $sort_range (local.get $left) (local.get $last) (local.get $order)))))

  (func (export "sorted") (param $address i32) (param $count i32) (param $order i32) (result i32)
    (loop $next
      (if (i32.lt_s (local.get $count) (i32.const 2))
        (then (return (i32.const 1))))
      (if (call_indirect (type $before)
            (i32.load offset=4 (local.get $address))
            (i32.load (local.get $address))
            (local.get $order))
        (then (return (i32.const 0))))
      (local.set $address (i32.add (local.get $address) (i32.const 4)))
      (local.set $count (i32.sub (local.get $count) (i32.const 1)))
      (br $next))
    (unreachable)))
