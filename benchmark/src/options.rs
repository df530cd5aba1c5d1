//! The command line of `cargo xtask bench`.

use std::path::PathBuf;

use crate::cases::Case;
use xtask::cargo;

pub const USAGE: &str = "\
usage: cargo xtask bench [OPTIONS]      measures deployer, the floor and every rival that is installed
       cargo xtask bench size           measures the binary by itself: its size, how fast it starts and validates
       cargo xtask bench functions      measures the functions, on stand-ins for Lambda, S3 and Bedrock
       cargo xtask bench rates          measures the deployer where calls beyond AWS's documented rates are refused
       cargo xtask bench build          measures builds from nothing and after one file was touched
       cargo xtask bench instructions [--check]
                                        counts instructions by callgrind, or fails when there are 5 % more than were kept
       cargo xtask bench report         writes tables and chart again from what was measured
       cargo xtask bench bounds         prints the calls that each operation cannot do without

  --only TOOLS      these alone, such as deployer,floor,terraform
  --cases CASES     couch, couch-cargo, scaled-N; default: couch,couch-cargo,scaled-1,scaled-20,scaled-100 (rivals: couch,scaled-20)
  --delays MS       added to every call, there and back; default: 0,50 (rivals: 50)
  --reps N          repetitions, of which the median counts; default: 3
  --binary PATH     measure this deployer instead of building target/release/deployer
  --out DIR         where results.json, results.md and chart.svg are kept; default: docs/bench
  --show            print the calls of each run by name";

pub struct Options {
    pub only: Option<Vec<String>>,
    pub cases: Option<Vec<Case>>,
    pub delays_ms: Option<Vec<u64>>,
    pub reps: usize,
    pub binary: Option<PathBuf>,
    pub out: PathBuf,
    pub show: bool,
    pub check: bool,
}

impl Options {
    pub fn parse(arguments: &[String]) -> Result<Self, String> {
        let mut options = Self {
            only: None,
            cases: None,
            delays_ms: None,
            reps: 3,
            binary: None,
            out: cargo::root().join("docs/bench"),
            show: false,
            check: false,
        };
        let mut words = arguments.iter();
        while let Some(option) = words.next() {
            match option.as_str() {
                "--show" => options.show = true,
                "--check" => options.check = true,
                name @ ("--only" | "--cases" | "--delays" | "--reps" | "--binary" | "--out") => {
                    let value = words.next().ok_or_else(|| format!("{name} takes a value"))?;
                    options.set(name, value)?;
                }
                other => return Err(format!("bench has no option {other}\n\n{USAGE}")),
            }
        }
        Ok(options)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        let number = |text: &str| text.parse::<u64>().map_err(|_| format!("{name} takes numbers, not {text}"));
        match name {
            "--only" => self.only = Some(value.split(',').map(str::to_owned).collect()),
            "--cases" => self.cases = Some(value.split(',').map(str::parse).collect::<Result<_, _>>()?),
            "--delays" => self.delays_ms = Some(value.split(',').map(number).collect::<Result<_, _>>()?),
            "--reps" => self.reps = usize::try_from(number(value)?.max(1)).unwrap_or(1),
            "--binary" => self.binary = Some(std::path::absolute(value).map_err(|error| format!("{value}: {error}"))?),
            _ => self.out = PathBuf::from(value),
        }
        Ok(())
    }

    pub fn wants(&self, tool: &str) -> bool {
        self.only.as_ref().is_none_or(|only| only.iter().any(|name| name == tool))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options, String> {
        Options::parse(&line.split(' ').map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn lists_are_separated_by_commas() {
        let options = parse("--only deployer,floor --cases couch,scaled-3 --delays 0,200 --reps 5").unwrap();
        assert_eq!(options.cases.as_deref(), Some(&[Case::Couch, Case::Scaled(3)][..]));
        assert_eq!((options.delays_ms.as_deref(), options.reps), (Some(&[0, 200][..]), 5));
        assert!(options.wants("floor") && !options.wants("terraform"));
    }

    #[test]
    fn what_is_not_understood_is_named() {
        assert!(parse("--cases sofa").err().unwrap().contains("sofa"));
        assert!(parse("--delays soon").err().unwrap().contains("soon"));
        assert!(parse("--fast").err().unwrap().contains("--fast"));
    }
}
