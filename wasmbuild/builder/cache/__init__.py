"""Artifacts that were compiled before, by key: what is kept on this machine."""
