"""How fast wasmbuild is, as ratios, and what its verification finds, as counts: ``python -m benchmarks``."""
