# cmake -DWRITTEN=FILE -DREAD=FILE -P …: copy the first rule of a depfile of wasmbuild, which is its first line.
file(READ "${WRITTEN}" rules)
string(REGEX REPLACE "\n.*" "\n" rule "${rules}")
file(WRITE "${READ}" "${rule}")
