fn main() {
    let built = std::process::Command::new("wasmbuild").args(["build", "--cargo"]).status();
    let status = built.expect("wasmbuild cannot be started; pip install 'wasmbuild[cross]'");
    std::process::exit(status.code().unwrap_or(1));
}
