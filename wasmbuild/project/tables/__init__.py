"""``wasmbuild.toml`` as frozen models: a model for each table, in which every rule of it stands once."""
