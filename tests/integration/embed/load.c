// Load an artifact with the engine of the generated header, or check an engine that was made without it.

#include "engine.h"

int main(int argc, char **argv) {
  char why[2048];
  bool own = argc > 1 && strcmp(argv[1], "--default-engine") == 0;
  wasm_engine_t *engine = own ? wasm_engine_new() : wasmbuild_engine(why, sizeof why);
  wasmtime_module_t *module = NULL;
  bool right = engine != NULL;
  if (right)
    right = (own ? wasmbuild_check(engine, why, sizeof why)
                 : wasmbuild_load(engine, argv[1], NULL, &module, why, sizeof why)) == WASMBUILD_OK;
  if (right)
    puts("loaded");
  else
    fprintf(stderr, "%s\n", why);
  if (module != NULL)
    wasmtime_module_delete(module);
  if (engine != NULL)
    wasm_engine_delete(engine);
  return right ? 0 : 1;
}
