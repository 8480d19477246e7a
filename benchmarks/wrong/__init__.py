"""Manifests, indexes and artifacts that are wrong in one way each, made from right ones, with what has to be blamed."""
