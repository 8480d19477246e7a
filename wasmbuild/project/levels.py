"""Levels of verification."""

from __future__ import annotations

LEVELS = ("intact", "consistent", "loaded", "tested")
"""What can be demanded of an artifact, lowest first; each takes for granted that the one before it holds."""
