# cmake -DWRITTEN=FILE -DREAD=FILE -P …: copy the first rule of a depfile of wasmbuild, which is its first line, without
# the backslashes that Make alone takes back.
file(READ "${WRITTEN}" rules)
string(REGEX REPLACE "\n.*" "\n" rule "${rules}")
string(REGEX REPLACE "\\\\([[*?|%])" "\\1" rule "${rule}")
file(WRITE "${READ}" "${rule}")
