"""Making artifacts: what decides their bytes, what is out of date, and the only code that writes a build directory."""
