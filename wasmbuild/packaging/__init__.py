"""Artifacts in wheels: build hooks of hatch and setuptools, which read the same ``[tool.wasmbuild]``."""
