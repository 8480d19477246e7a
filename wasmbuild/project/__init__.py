"""What is declared: ``wasmbuild.toml``, engine settings, target triples, CPU levels, and the plan that follows."""
