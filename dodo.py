from wasmbuild.doit import load

DOIT_CONFIG, task_compile, task_verify = load("wasmbuild.toml").dodo()
