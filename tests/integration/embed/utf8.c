// Tell of each text that is read, which ends with a zero byte, whether it is UTF-8.

#include "engine.h"

int main(void) {
  char text[16];
  size_t length = 0;
  for (int c = getchar(); c != EOF; c = getchar()) {
    text[length++] = (char)c;
    if (c == 0) {
      putchar(wasmbuild_is_utf8(text) ? '1' : '0');
      length = 0;
    }
  }
  return 0;
}
