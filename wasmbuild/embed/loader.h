// Load artifacts that wasmbuild made, and say what is wrong with the others: the part that is the same in every header
// that `wasmbuild embed --lang c` writes, in C99 and C++. What is declared comes before it; as it lies, an engine has
// the settings of the C API, and no artifact proves that it has.

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wasmtime.h>

#ifndef WASMBUILD_DECLARED
#define WASMBUILD_DECLARED
#define WASMBUILD_ORIGIN "wasmbuild.toml"
#define WASMBUILD_REFUSALS
static inline wasm_config_t *wasmbuild_config(void) { return wasm_config_new(); }
#endif

// What loading comes to. Whatever is not WASMBUILD_OK comes with a message that says what to do.
typedef enum wasmbuild_status {
  WASMBUILD_OK = 0, // loaded
  WASMBUILD_UNREADABLE, // the file cannot be opened or read
  WASMBUILD_NOT_PRECOMPILED, // standard WebAssembly where a precompiled artifact is needed
  WASMBUILD_PRECOMPILED, // a precompiled artifact where standard WebAssembly is needed
  WASMBUILD_OTHER_KIND, // a component where a module is needed, or the other way round
  WASMBUILD_OTHER_LINE, // precompiled by another major version of Wasmtime
  WASMBUILD_OTHER_PLATFORM, // precompiled for another architecture or operating system
  WASMBUILD_OTHER_CPU, // precompiled for a better CPU than this one
  WASMBUILD_OTHER_SETTINGS, // precompiled for an engine with other settings
  WASMBUILD_DAMAGED, // not the bytes that were built
  WASMBUILD_NO_WASM, // no WebAssembly of any kind
  WASMBUILD_NOT_VALID, // standard WebAssembly that the engine does not compile, or its text
  WASMBUILD_HOST_LIMIT, // this program may not have what loading takes, such as memory
} wasmbuild_status_t;

static inline wasmbuild_status_t wasmbuild_say(wasmbuild_status_t status, char *message, size_t size,
                                               const char *format, ...) {
  if (message != NULL && size != 0) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, size, format, arguments);
    va_end(arguments);
  }
  return status;
}

// Write what an error of Wasmtime says of a path on one line, without a backtrace. Deletes the error.
static inline void wasmbuild_said(wasmtime_error_t *error, const char *path, char *said, size_t size) {
  wasm_name_t text;
  wasmtime_error_message(error, &text);
  wasmtime_error_delete(error);
  size_t length = 0;
  bool blank = true;
  // The path may be longer than all that is said, and be any text.
  static const char named[] = "failed deserialization for: ";
  size_t at = sizeof named - 1 + strlen(path);
  if (text.size < at || memcmp(text.data, named, sizeof named - 1) != 0 ||
      memcmp(text.data + sizeof named - 1, path, strlen(path)) != 0)
    at = 0;
  for (; at < text.size && length + 1 < size && text.data[at] != '\0'; at++) {
    char c = text.data[at];
    if (c == '\n' || c == '\r' || c == '\t')
      c = ' ';
    if (c != ' ' || !blank)
      said[length++] = c;
    blank = c == ' ';
  }
  said[length] = '\0';
  wasm_byte_vec_delete(&text);
  char *trace = strstr(said, " Stack backtrace:");
  length = trace != NULL ? (size_t)(trace - said) : length;
  while (length > 0 && said[length - 1] == ' ')
    length--;
  said[length] = '\0';
}

// Say what an error of Wasmtime's loader means. Deletes the error.
static inline wasmbuild_status_t wasmbuild_refused(wasmtime_error_t *error, const char *what, char *message,
                                                   size_t size) {
  static const struct {
    const char *said;
    wasmbuild_status_t status;
    const char *problem;
    const char *fix;
  } known[] = {
      WASMBUILD_REFUSALS // What Wasmtime says, what that means, and what to do.
      {"", WASMBUILD_DAMAGED, "is damaged, cut short for example",
       "build it again, or copy it again from where it was built"},
  };
  char said[1024];
  wasmbuild_said(error, what, said, sizeof said);
  // The cause, or the last of several, which are numbered.
  const char *cause = strstr(said, "Caused by: ");
  cause = cause != NULL ? cause + strlen("Caused by: ") : said;
  if (strncmp(cause, "0: ", 3) == 0) {
    char next[] = "0: ";
    for (const char *found = cause; found != NULL && next[0] <= '9'; next[0]++) {
      found = strstr(cause, next);
      cause = found != NULL ? found + 3 : cause;
    }
  }
  size_t row = 0;
  while (strstr(cause, known[row].said) == NULL)
    row++;
  return wasmbuild_say(known[row].status, message, size, "%s: %s (%s); %s", what, known[row].problem, cause,
                       known[row].fix);
}

// Check that an engine is configured as declared, by loading the artifact of an empty module into it.
static inline wasmbuild_status_t wasmbuild_check(wasm_engine_t *engine, char *message, size_t size) {
#ifdef WASMBUILD_PROBE_SIZE
  uint8_t *bytes = (uint8_t *)calloc(1, WASMBUILD_PROBE_SIZE);
  if (bytes == NULL)
    return wasmbuild_say(WASMBUILD_UNREADABLE, message, size, "out of memory");
  size_t from = 0;
  for (size_t part = 0; part < sizeof wasmbuild_probe_parts / sizeof *wasmbuild_probe_parts; part++) {
    memcpy(bytes + wasmbuild_probe_parts[part].offset, wasmbuild_probe + from, wasmbuild_probe_parts[part].size);
    from += wasmbuild_probe_parts[part].size;
  }
  wasmtime_module_t *module = NULL;
  wasmtime_error_t *error = wasmtime_module_deserialize(engine, bytes, WASMBUILD_PROBE_SIZE, &module);
  free(bytes);
  if (error != NULL)
    return wasmbuild_refused(error, "this program's engine cannot load an empty module", message, size);
  wasmtime_module_delete(module);
  return WASMBUILD_OK;
#else
  (void)engine;
  return wasmbuild_say(WASMBUILD_OTHER_PLATFORM, message, size, "%s",
                       "no target of " WASMBUILD_ORIGIN " is for the platform that this program was built for; "
                       "declare one, and generate this file again");
#endif
}

// Return an engine that is configured as declared and was checked, or NULL and why.
static inline wasm_engine_t *wasmbuild_engine(char *message, size_t size) {
  wasm_engine_t *engine = wasm_engine_new_with_config(wasmbuild_config());
  if (engine == NULL) {
    wasmbuild_say(WASMBUILD_OTHER_SETTINGS, message, size, "Wasmtime makes no engine with these settings");
    return NULL;
  }
  if (wasmbuild_check(engine, message, size) != WASMBUILD_OK) {
    wasm_engine_delete(engine);
    return NULL;
  }
  return engine;
}

// Read a whole file. The caller frees the bytes.
static inline wasmbuild_status_t wasmbuild_read(const char *path, uint8_t **bytes, size_t *length, char *message,
                                                size_t size) {
  *bytes = NULL;
  *length = 0;
  FILE *file = fopen(path, "rb");
  if (file == NULL)
    return wasmbuild_say(WASMBUILD_UNREADABLE, message, size, "%s: cannot be opened: %s", path, strerror(errno));
  size_t capacity = 1 << 16;
  uint8_t *data = (uint8_t *)malloc(capacity);
  size_t have = 0;
  while (data != NULL) {
    size_t got = fread(data + have, 1, capacity - have, file);
    have += got;
    if (got == 0)
      break;
    if (have == capacity) {
      uint8_t *larger = capacity > SIZE_MAX / 2 ? NULL : (uint8_t *)realloc(data, capacity * 2);
      if (larger == NULL)
        free(data);
      data = larger;
      capacity *= 2;
    }
  }
  int failed = ferror(file) ? errno : 0;
  fclose(file);
  if (data == NULL)
    return wasmbuild_say(WASMBUILD_UNREADABLE, message, size, "%s: is too large for the memory of this program", path);
  if (failed != 0) {
    free(data);
    return wasmbuild_say(WASMBUILD_UNREADABLE, message, size, "%s: cannot be read: %s", path, strerror(failed));
  }
  *bytes = data;
  *length = have;
  return WASMBUILD_OK;
}

// Tell whether a file, whose first bytes are these and a zero, is WebAssembly text.
static inline bool wasmbuild_is_text(const uint8_t *head, size_t length) {
  size_t at = strspn((const char *)head, " \t\r\n");
  return at < length && (head[at] == '(' || head[at] == ';');
}

// Tell whether a file, whose first bytes are these, is a precompiled artifact.
static inline bool wasmbuild_is_precompiled(const uint8_t *head, size_t length) {
  return length >= 8 && memcmp(head, "\177ELF", 4) == 0 && head[7] == 200;
}

// Look at the first bytes of a file: is it a precompiled artifact, and a component as wanted? `length` is at most 52.
static inline wasmbuild_status_t wasmbuild_kind(const uint8_t *head, size_t length, bool component, const char *path,
                                                char *message, size_t size) {
  if (length == 0)
    return wasmbuild_say(WASMBUILD_DAMAGED, message, size, "%s: is empty; build it again, or copy it again", path);
  if (length >= 4 && memcmp(head, "\0asm", 4) == 0)
    return wasmbuild_say(WASMBUILD_NOT_PRECOMPILED, message, size,
                         "%s: is standard WebAssembly, not a precompiled artifact; compile it with %s, or precompile "
                         "it with wasmbuild and load what that writes",
                         path,
                         length >= 8 && head[6] == 1 ? "wasmtime_component_new()"
                                                     : "wasmbuild_load_source() or wasmtime_module_new()");
  if (wasmbuild_is_text(head, length))
    return wasmbuild_say(WASMBUILD_NOT_PRECOMPILED, message, size,
                         "%s: is WebAssembly text, not a precompiled artifact; precompile it with wasmbuild and load "
                         "what that writes",
                         path);
  if (!wasmbuild_is_precompiled(head, length))
    return wasmbuild_say(WASMBUILD_NO_WASM, message, size,
                         "%s: is neither a precompiled artifact nor WebAssembly; pass a .cwasm that wasmbuild wrote",
                         path);
  if (length < 52)
    return wasmbuild_say(WASMBUILD_DAMAGED, message, size,
                         "%s: is damaged: it has %u bytes only; build it again, or copy it again", path,
                         (unsigned)length);
  // e_flags, whose first byte is the least significant one but on big-endian machines.
  bool is_component = (head[head[5] == 2 ? 51 : 48] & 2) != 0;
  if (is_component != component)
    return wasmbuild_say(WASMBUILD_OTHER_KIND, message, size, "%s: is a precompiled %s; load it with %s()", path,
                         is_component ? "component" : "module",
                         is_component ? "wasmbuild_load_component" : "wasmbuild_load");
  return WASMBUILD_OK;
}

// Write the SHA-256 of bytes in hexadecimal (FIPS 180-4).
static inline void wasmbuild_sha256(const uint8_t *bytes, size_t length, char hex[65]) {
  static const uint32_t round[64] = {
      0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
      0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
      0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
      0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
      0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
      0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
      0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
      0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
  };
  uint32_t hash[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  uint8_t tail[128] = {0};
  size_t rest = length % 64;
  if (rest != 0)
    memcpy(tail, bytes + (length - rest), rest);
  tail[rest] = 0x80;
  size_t end = rest < 56 ? 64 : 128;
  for (size_t byte = 0; byte < 8; byte++)
    tail[end - 1 - byte] = (uint8_t)(((uint64_t)length << 3) >> (8 * byte));
  for (size_t at = 0; at < length - rest + end; at += 64) {
    const uint8_t *block = at < length - rest ? bytes + at : tail + (at - (length - rest));
    uint32_t word[64];
    for (size_t i = 0; i < 16; i++)
      word[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 | (uint32_t)block[4 * i + 2] << 8 |
                (uint32_t)block[4 * i + 3];
#define WASMBUILD_ROTATE(x, n) ((x) >> (n) | (x) << (32 - (n)))
    for (size_t i = 16; i < 64; i++) {
      uint32_t a = word[i - 15], b = word[i - 2];
      word[i] = word[i - 16] + (WASMBUILD_ROTATE(a, 7) ^ WASMBUILD_ROTATE(a, 18) ^ a >> 3) + word[i - 7] +
                (WASMBUILD_ROTATE(b, 17) ^ WASMBUILD_ROTATE(b, 19) ^ b >> 10);
    }
    uint32_t s[8];
    memcpy(s, hash, sizeof s);
    for (size_t i = 0; i < 64; i++) {
      uint32_t one = s[7] + (WASMBUILD_ROTATE(s[4], 6) ^ WASMBUILD_ROTATE(s[4], 11) ^ WASMBUILD_ROTATE(s[4], 25)) +
                     ((s[4] & s[5]) ^ (~s[4] & s[6])) + round[i] + word[i];
      uint32_t two = (WASMBUILD_ROTATE(s[0], 2) ^ WASMBUILD_ROTATE(s[0], 13) ^ WASMBUILD_ROTATE(s[0], 22)) +
                     ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));
      memmove(s + 1, s, 7 * sizeof *s);
      s[4] += one;
      s[0] = one + two;
    }
#undef WASMBUILD_ROTATE
    for (size_t i = 0; i < 8; i++)
      hash[i] += s[i];
  }
  for (size_t i = 0; i < 64; i++)
    hex[i] = "0123456789abcdef"[hash[i / 8] >> (28 - 4 * (i % 8)) & 15];
  hex[64] = '\0';
}

// Tell whether a path is UTF-8.
static inline bool wasmbuild_is_utf8(const char *path) {
  for (const uint8_t *at = (const uint8_t *)path; *at != 0; at++) {
    uint8_t first = *at;
    if (first < 0x80)
      continue;
    if (first < 0xc2 || first > 0xf4)
      return false;
    // Neither longer than it has to be, nor half of a surrogate pair, nor beyond the last character.
    uint8_t low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    uint8_t high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    for (int more = first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3; more > 0; more--) {
      at++;
      if (*at < low || *at > high)
        return false;
      low = 0x80;
      high = 0xbf;
    }
  }
  return true;
}

// Find out whether a file can be loaded. Its bytes are given when a digest was compared, as only those may be loaded
// then, and when its path is not UTF-8, as Wasmtime itself opens no such path.
static inline wasmbuild_status_t wasmbuild_look(const char *path, const char *sha256, bool component, uint8_t **bytes,
                                                size_t *length, char *message, size_t size) {
  *bytes = NULL;
  *length = 0;
  if (sha256 == NULL && wasmbuild_is_utf8(path)) {
    uint8_t head[53] = {0};
    FILE *file = fopen(path, "rb");
    if (file == NULL)
      return wasmbuild_say(WASMBUILD_UNREADABLE, message, size, "%s: cannot be opened: %s", path, strerror(errno));
    size_t have = fread(head, 1, 52, file);
    int failed = ferror(file) ? errno : 0;
    fclose(file);
    if (failed != 0)
      return wasmbuild_say(WASMBUILD_UNREADABLE, message, size, "%s: cannot be read: %s", path, strerror(failed));
    return wasmbuild_kind(head, have, component, path, message, size);
  }
  wasmbuild_status_t status = wasmbuild_read(path, bytes, length, message, size);
  if (status != WASMBUILD_OK)
    return status;
  uint8_t head[53] = {0};
  size_t have = *length < 52 ? *length : 52;
  memcpy(head, *bytes, have);
  status = wasmbuild_kind(head, have, component, path, message, size);
  if (status == WASMBUILD_OK && sha256 != NULL) {
    char digest[65];
    wasmbuild_sha256(*bytes, *length, digest);
    if (strcmp(digest, sha256) != 0)
      status = wasmbuild_say(WASMBUILD_DAMAGED, message, size,
                             "%s: is damaged: its SHA-256 is %s, not %s; build it again, or copy it again from where "
                             "it was built",
                             path, digest, sha256);
  }
  if (status != WASMBUILD_OK) {
    free(*bytes);
    *bytes = NULL;
  }
  return status;
}

// Load a precompiled module. With `sha256`, 64 lower-case hexadecimal digits as in manifest.json, its bytes are
// compared first; without it (NULL) Wasmtime notices an artifact that was cut short, but almost no other damage.
static inline wasmbuild_status_t wasmbuild_load(wasm_engine_t *engine, const char *path, const char *sha256,
                                                wasmtime_module_t **module, char *message, size_t size) {
  uint8_t *bytes;
  size_t length;
  wasmbuild_status_t status = wasmbuild_look(path, sha256, false, &bytes, &length, message, size);
  if (status != WASMBUILD_OK)
    return status;
  wasmtime_error_t *error = bytes != NULL ? wasmtime_module_deserialize(engine, bytes, length, module)
                                          : wasmtime_module_deserialize_file(engine, path, module);
  free(bytes);
  return error == NULL ? WASMBUILD_OK : wasmbuild_refused(error, path, message, size);
}

#ifdef WASMTIME_FEATURE_COMPONENT_MODEL
// Load a precompiled component; see wasmbuild_load.
static inline wasmbuild_status_t wasmbuild_load_component(wasm_engine_t *engine, const char *path, const char *sha256,
                                                          wasmtime_component_t **component, char *message,
                                                          size_t size) {
  uint8_t *bytes;
  size_t length;
  wasmbuild_status_t status = wasmbuild_look(path, sha256, true, &bytes, &length, message, size);
  if (status != WASMBUILD_OK)
    return status;
  wasmtime_error_t *error = bytes != NULL ? wasmtime_component_deserialize(engine, bytes, length, component)
                                          : wasmtime_component_deserialize_file(engine, path, component);
  free(bytes);
  return error == NULL ? WASMBUILD_OK : wasmbuild_refused(error, path, message, size);
}
#endif

#ifdef WASMTIME_FEATURE_COMPILER
// Look at the first bytes of a file: may it be a standard module? `length` is at most 52.
static inline wasmbuild_status_t wasmbuild_source_kind(const uint8_t *head, size_t length, const char *path,
                                                       char *message, size_t size) {
  if (length == 0)
    return wasmbuild_say(WASMBUILD_DAMAGED, message, size, "%s: is empty; make it again, or copy it again", path);
  if (length >= 4 && memcmp(head, "\0asm", 4) == 0) {
    if (length < 8 || head[6] != 1)
      return WASMBUILD_OK;
    return wasmbuild_say(WASMBUILD_OTHER_KIND, message, size,
                         "%s: is a component, not a module; compile it with wasmtime_component_new(), or precompile "
                         "it with wasmbuild and load what that writes with wasmbuild_load_component()",
                         path);
  }
  if (wasmbuild_is_precompiled(head, length))
    return wasmbuild_say(WASMBUILD_PRECOMPILED, message, size,
                         "%s: is a precompiled artifact, of which wasmtime_module_new() says \"magic header not "
                         "detected\"; load it with wasmbuild_load(), or pass the .wasm that it was made from",
                         path);
  if (wasmbuild_is_text(head, length))
    return wasmbuild_say(WASMBUILD_NOT_VALID, message, size,
                         "%s: is WebAssembly text, not binary; translate it with wasmtime_wat2wasm() and compile that "
                         "with wasmtime_module_new(), or precompile it with wasmbuild and load what that writes with "
                         "wasmbuild_load()",
                         path);
  return wasmbuild_say(WASMBUILD_NO_WASM, message, size,
                       "%s: is neither WebAssembly nor a precompiled artifact; pass a .wasm", path);
}

// Compile and load a standard module, a .wasm.
static inline wasmbuild_status_t wasmbuild_load_source(wasm_engine_t *engine, const char *path,
                                                       wasmtime_module_t **module, char *message, size_t size) {
  uint8_t *bytes;
  size_t length;
  wasmbuild_status_t status = wasmbuild_read(path, &bytes, &length, message, size);
  if (status != WASMBUILD_OK)
    return status;
  uint8_t head[53] = {0};
  size_t have = length < 52 ? length : 52;
  memcpy(head, bytes, have);
  status = wasmbuild_source_kind(head, have, path, message, size);
  if (status == WASMBUILD_OK) {
    wasmtime_error_t *error = wasmtime_module_new(engine, bytes, length, module);
    if (error != NULL) {
      char said[1024];
      wasmbuild_said(error, path, said, sizeof said);
      status = wasmbuild_say(WASMBUILD_NOT_VALID, message, size, "%s: is no WebAssembly that this engine compiles: %s",
                             path, said);
    }
  }
  free(bytes);
  return status;
}
#endif
