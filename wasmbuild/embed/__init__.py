"""Source files for applications: an engine that is configured as declared, and that checks at start that it is."""
