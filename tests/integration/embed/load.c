// Load an artifact with the engine of the generated header, or check an engine that was made without it.

#include "engine.h"

static bool load(wasm_engine_t *engine, const char *path, char *why, size_t size) {
  wasmtime_module_t *module = NULL;
  if (wasmbuild_load(engine, path, NULL, &module, why, size) != WASMBUILD_OK)
    return false;
  wasmtime_module_delete(module);
  return true;
}

static bool load_component(wasm_engine_t *engine, const char *path, char *why, size_t size) {
  wasmtime_component_t *component = NULL;
  if (wasmbuild_load_component(engine, path, NULL, &component, why, size) != WASMBUILD_OK)
    return false;
  wasmtime_component_delete(component);
  return true;
}

int main(int argc, char **argv) {
  char why[2048];
  bool own = argc > 1 && strcmp(argv[1], "--default-engine") == 0;
  wasm_engine_t *engine = own ? wasm_engine_new() : wasmbuild_engine(why, sizeof why);
  bool right = engine != NULL;
  if (right && own)
    right = wasmbuild_check(engine, why, sizeof why) == WASMBUILD_OK;
  else if (right)
    right = strcmp(argv[1], "--component") == 0 ? load_component(engine, argv[2], why, sizeof why)
                                                : load(engine, argv[1], why, sizeof why);
  if (right)
    puts("loaded");
  else
    fprintf(stderr, "%s\n", why);
  if (engine != NULL)
    wasm_engine_delete(engine);
  return right ? 0 : 1;
}
