//! The binary: hands the process's arguments and environment to the library.

fn main() {
    std::process::exit(deployer::cli::main());
}
