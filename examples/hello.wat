;; A program: what a compiler makes of "hello, world" for WASI.
;;
;; It imports the system calls it needs, and a host such as `wasmtime run` calls its export `_start`. It writes the
;; line below to standard output and exits with 0, or with 1 when the line cannot be written.
(module
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param $descriptor i32) (param $vectors i32) (param $count i32) (param $written i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param $status i32)))

  ;; WASI reads and writes its arguments here, so it must be exported under this name.
  (memory (export "memory") 1)

  ;; 0: where the text lies, 4: how long it is, 8: how much of it was written, 16: the text
  (data (i32.const 0) "\10\00\00\00" "\24\00\00\00")
  (data (i32.const 16) "Hello from Wasmtime, ahead of time!\n")

  (func (export "_start")
    (local $failed i32)
    ;; fd_write(standard output, one vector of text at 0, count written at 8): 0 or an error number
    (local.set $failed
      (i32.ne
        (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))
        (i32.const 0)))
    (call $proc_exit (local.get $failed))))
