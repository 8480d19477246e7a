"""Who compiles: finding compilers, running them as children, and one error out of any ending."""
