// Write the SHA-256 of every beginning of what is read, from nothing to all of it.

#include "engine.h"

int main(void) {
  uint8_t data[4096];
  size_t length = fread(data, 1, sizeof data, stdin);
  for (size_t part = 0; part <= length; part++) {
    char hex[65];
    wasmbuild_sha256(data, part, hex);
    puts(hex);
  }
  return 0;
}
