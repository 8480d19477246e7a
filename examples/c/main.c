// Load a module, precompiled or not, and call it. Usage: host [--compile] [FILE [SHA256]]
//
// FILE is a precompiled artifact; by default the one that was built for this platform. With SHA256 its bytes are
// compared first. With --compile it is a standard .wasm, which the program compiles itself.

#include "engine.h"

static int fail(const char *why) {
  fprintf(stderr, "host: %s\n", why);
  return 1;
}

static int fail_with(wasmtime_error_t *error, wasm_trap_t *trap) {
  wasm_byte_vec_t text;
  if (error != NULL)
    wasmtime_error_message(error, &text);
  else
    wasm_trap_message(trap, &text);
  fprintf(stderr, "host: %.*s\n", (int)text.size, text.data);
  wasm_byte_vec_delete(&text);
  if (error != NULL)
    wasmtime_error_delete(error);
  if (trap != NULL)
    wasm_trap_delete(trap);
  return 1;
}

// Call the export "gcd" on a fresh instance.
static int run(wasm_engine_t *engine, wasmtime_module_t *module) {
  wasmtime_store_t *store = wasmtime_store_new(engine, NULL, NULL);
  wasmtime_context_t *context = wasmtime_store_context(store);
  wasmtime_context_set_epoch_deadline(context, 1);
  wasmtime_instance_t instance;
  wasm_trap_t *trap = NULL;
  int status = 0;
  wasmtime_error_t *error = wasmtime_instance_new(context, module, NULL, 0, &instance, &trap);
  wasmtime_extern_t gcd;
  wasmtime_val_t numbers[2] = {{.kind = WASMTIME_I32, .of = {.i32 = 1071}}, {.kind = WASMTIME_I32, .of = {.i32 = 462}}};
  wasmtime_val_t result;
  if (error != NULL || trap != NULL)
    status = fail_with(error, trap);
  else if (!wasmtime_instance_export_get(context, &instance, "gcd", 3, &gcd) || gcd.kind != WASMTIME_EXTERN_FUNC)
    status = fail("the module exports no function gcd");
  else if ((error = wasmtime_func_call(context, &gcd.of.func, numbers, 2, &result, 1, &trap)) != NULL || trap != NULL)
    status = fail_with(error, trap);
  else
    printf("gcd(1071, 462) = %d\n", (int)result.of.i32);
  wasmtime_store_delete(store);
  return status;
}

int main(int argc, char **argv) {
  char why[2048];
  bool compile = argc > 1 && strcmp(argv[1], "--compile") == 0;
  char **rest = argv + 1 + compile;
#ifdef WASMBUILD_TARGET
  const char *path = rest[0] != NULL ? rest[0] : "build/" WASMBUILD_TARGET "/gcd.cwasm";
#else
  const char *path = rest[0] != NULL ? rest[0] : "gcd.cwasm";
#endif
  const char *sha256 = rest[0] != NULL ? rest[1] : NULL;

  wasm_engine_t *engine = wasmbuild_engine(why, sizeof why);
  if (engine == NULL)
    return fail(why);
  wasmtime_module_t *module = NULL;
  wasmbuild_status_t loaded = compile ? wasmbuild_load_source(engine, path, &module, why, sizeof why)
                                      : wasmbuild_load(engine, path, sha256, &module, why, sizeof why);
  int status = loaded == WASMBUILD_OK ? run(engine, module) : fail(why);
  if (module != NULL)
    wasmtime_module_delete(module);
  wasm_engine_delete(engine);
  return status;
}
