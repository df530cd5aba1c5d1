//! Finds flags that produce code for processors that Lambda does not promise: such a function ends with an illegal
//! instruction.
//!
//! x86_64: AWS promises AVX2, as in `haswell` and `x86-64-v3`. arm64: Graviton2, a Neoverse N1.

use std::collections::BTreeMap;

use super::config::{Config, Flag};
use super::environment::BuildEnvironment;
use super::job::{Builder, Job};
use super::{Architecture, PackageError, Warning};

/// Processors whose code Lambda's oldest x86_64 hosts run, by rustc's names. The lists below have the features, and the
/// same for arm64.
const X86_CPUS: &[&str] = &[
    "core2",
    "corei7",
    "generic",
    "haswell",
    "ivybridge",
    "nehalem",
    "sandybridge",
    "westmere",
    "x86-64",
    "x86-64-v2",
    "x86-64-v3",
];
const ARM_CPUS: &[&str] = &["cortex-a72", "cortex-a76", "generic", "neoverse-n1"];
const X86_FEATURES: &[&str] = &[
    "aes",
    "avx",
    "avx2",
    "bmi1",
    "bmi2",
    "cmpxchg16b",
    "crt-static",
    "ermsb",
    "f16c",
    "fma",
    "fxsr",
    "lahfsahf",
    "lzcnt",
    "movbe",
    "pclmulqdq",
    "popcnt",
    "rdrand",
    "sse",
    "sse2",
    "sse3",
    "sse4.1",
    "sse4.2",
    "ssse3",
    "x87",
    "xsave",
    "xsaveopt",
];
const ARM_FEATURES: &[&str] = &[
    "aes",
    "crc",
    "crt-static",
    "dotprod",
    "dpb",
    "fp16",
    "lor",
    "lse",
    "neon",
    "outline-atomics",
    "pan",
    "pmuv3",
    "ras",
    "rcpc",
    "rdm",
    "sha2",
    "spe",
    "ssbs",
    "v8.1a",
    "v8.2a",
    "vh",
];

/// Flags by which C compilers select this machine's processor.
const NATIVE: &[&str] = &["-march=native", "-mcpu=native"];

/// Checks all flags that a job's own code is compiled with.
///
/// # Errors
/// [`PackageError::NativeProcessor`] if code is built for the processor of the building machine.
pub(super) fn check(
    job: &Job,
    builder: Builder,
    config: &Config,
    environment: &BuildEnvironment,
) -> Result<Vec<Warning>, PackageError> {
    let architecture = job.platform.architecture;
    let mut flags = config.rustflags(architecture, builder != Builder::Cargo, environment);
    flags.extend(config.profile_flags(&job.profile, &job.workspace.manifest));
    if let Some((flag, place)) = native_c(config, environment) {
        return Err(PackageError::NativeProcessor { flag, place, architecture });
    }
    let options = options(&flags);
    let mut warnings = Vec::new();
    if let Some((cpu, place)) = last_cpu(&options) {
        if cpu == "native" {
            let flag = "target-cpu=native".to_owned();
            return Err(PackageError::NativeProcessor { flag, place, architecture });
        }
        if !known_features(architecture).0.contains(&cpu.as_str()) {
            warnings.push(Warning::Processor { flag: format!("target-cpu={cpu}"), place, architecture });
        }
    }
    for (feature, place) in enabled_features(&options) {
        if !known_features(architecture).1.contains(&feature.as_str()) {
            warnings.push(Warning::Processor { flag: format!("target-feature=+{feature}"), place, architecture });
        }
    }
    Ok(warnings)
}

fn known_features(architecture: Architecture) -> (&'static [&'static str], &'static [&'static str]) {
    match architecture {
        Architecture::X86_64 => (X86_CPUS, X86_FEATURES),
        Architecture::Arm64 => (ARM_CPUS, ARM_FEATURES),
    }
}

/// Parses the options after `-C` or `--codegen`, in all notations: name, value, place.
fn options(flags: &[Flag]) -> Vec<(String, String, String)> {
    let mut found = Vec::new();
    let mut words = flags.iter();
    while let Some(flag) = words.next() {
        let text = flag.text.as_str();
        let option = match text {
            "-C" | "--codegen" => words.next().map(|next| next.text.as_str()),
            _ => text.strip_prefix("--codegen=").or_else(|| text.strip_prefix("-C")),
        };
        if let Some((name, value)) = option.and_then(|option| option.split_once('=')) {
            found.push((name.replace('_', "-"), value.to_owned(), flag.place.clone()));
        }
    }
    found
}

/// Returns the last processor and its place; rustc uses the last of several.
fn last_cpu(options: &[(String, String, String)]) -> Option<(String, String)> {
    let mut cpus = options.iter().filter(|(name, _, _)| name == "target-cpu");
    cpus.next_back().map(|(_, cpu, place)| (cpu.clone(), place.clone()))
}

/// Returns the processor features that are enabled in the end, with the place that enabled them.
fn enabled_features(options: &[(String, String, String)]) -> BTreeMap<String, String> {
    let mut on = BTreeMap::new();
    for (_, list, place) in options.iter().filter(|(name, _, _)| name == "target-feature") {
        for item in list.split(',') {
            if let Some(feature) = item.strip_prefix('+') {
                on.insert(feature.to_owned(), place.clone());
            } else if let Some(feature) = item.strip_prefix('-') {
                on.remove(feature);
            }
        }
    }
    on
}

/// Finds a flag that makes a build script's C compiler use this machine's processor.
fn native_c(config: &Config, environment: &BuildEnvironment) -> Option<(String, String)> {
    let files = config.variables().into_iter().map(|(name, flag)| (name, flag.text, flag.place));
    let given = environment.for_cargo().map(|(name, value)| {
        let name = name.to_string_lossy().into_owned();
        (name.clone(), value.to_string_lossy().into_owned(), name)
    });
    let flags = files.chain(given).filter(|(name, _, _)| name.contains("CFLAGS") || name.contains("CXXFLAGS"));
    let native = |text: &str| text.split_whitespace().find(|word| NATIVE.contains(word)).map(str::to_owned);
    flags.filter_map(|(_, text, place)| Some((native(&text)?, place))).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(words: &[&str]) -> Vec<Flag> {
        words.iter().map(|word| Flag { text: (*word).to_owned(), place: "here".to_owned() }).collect()
    }

    #[test]
    fn options_are_read_however_they_are_written() {
        for words in [
            &["-C", "target-cpu=native"][..],
            &["-Ctarget-cpu=native"],
            &["--codegen", "target_cpu=native"],
            &["--codegen=target-cpu=native"],
            &["-Ctarget-cpu=x86-64", "-g", "-Ctarget-cpu=native"],
        ] {
            assert_eq!(last_cpu(&options(&flags(words))), Some(("native".to_owned(), "here".to_owned())), "{words:?}");
        }
        let cured = options(&flags(&["-Ctarget-cpu=native", "-Ctarget-cpu=x86-64-v3"]));
        assert_eq!(last_cpu(&cured).map(|found| found.0), Some("x86-64-v3".to_owned()));
    }

    #[test]
    fn features_add_up_and_can_be_taken_back() {
        let options = options(&flags(&["-Ctarget-feature=+avx2,+avx512f,-sse3", "-Ctarget-feature=+gfni,-avx512f"]));
        assert_eq!(enabled_features(&options).into_keys().collect::<Vec<_>>(), ["avx2", "gfni"]);
    }

    #[test]
    fn c_compilers_are_looked_at_too() {
        let environment = BuildEnvironment::default().with("CFLAGS_x86_64_unknown_linux_gnu", "-O2 -march=native");
        let found = native_c(&Config::default(), &environment);
        assert_eq!(found, Some(("-march=native".to_owned(), "CFLAGS_x86_64_unknown_linux_gnu".to_owned())));
        let environment = BuildEnvironment::default().with("CXXFLAGS", "-march=haswell");
        assert_eq!(native_c(&Config::default(), &environment), None);
    }
}
