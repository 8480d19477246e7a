# The version of wasmbuild that this package is of; while it is 0, a new minor version may change what there is.
set(PACKAGE_VERSION 0.1.0)

string(REGEX MATCH "^(0\\.[0-9]+|[1-9][0-9]*)" _wasmbuild_line "${PACKAGE_VERSION}")
if(PACKAGE_FIND_VERSION VERSION_GREATER PACKAGE_VERSION OR NOT "${PACKAGE_FIND_VERSION}." MATCHES "^${_wasmbuild_line}\\.")
  set(PACKAGE_VERSION_COMPATIBLE FALSE)
else()
  set(PACKAGE_VERSION_COMPATIBLE TRUE)
endif()
if(PACKAGE_FIND_VERSION VERSION_EQUAL PACKAGE_VERSION)
  set(PACKAGE_VERSION_EXACT TRUE)
endif()
