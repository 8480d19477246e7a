"""Getting compilers: from archives, a mirror, cargo or a file. No build imports it, so that none ever downloads."""
