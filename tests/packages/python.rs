//! Virtual environments, made with the python3 of the machine.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::{said, scratch};

/// A virtual environment.
pub(crate) struct Environment(PathBuf);

impl Environment {
    /// A new one in this folder, or the one that is there.
    pub(crate) fn open(folder: PathBuf) -> Result<Environment, String> {
        let environment = Environment(folder);
        if !environment.program("python").exists() {
            run(Command::new("python3").args(["-m", "venv"]).arg(&environment.0))?;
        }
        Ok(environment)
    }

    pub(crate) fn install(&self, arguments: &[&str]) -> Result<(), String> {
        let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
        run(Command::new(self.program("python")).args(pip).args(arguments))
    }

    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.0.join("bin").join(name)
    }

    pub(crate) fn programs(&self) -> PathBuf {
        self.0.join("bin")
    }
}

/// The tools that the tests take from the package index, or why they cannot be had.
pub(crate) fn tools() -> Result<&'static Environment, &'static str> {
    static TOOLS: OnceLock<Result<Environment, String>> = OnceLock::new();
    let tools = TOOLS.get_or_init(|| {
        let environment = Environment::open(scratch("tools"))?;
        environment.install(&["maturin>=1.8,<2", "pre-commit>=4", "junitparser>=4", "diff-cover>=9"])?;
        Ok(environment)
    });
    tools.as_ref().map_err(String::as_str)
}

/// The wheel of this project, built from what the tests run on.
pub(crate) fn wheel(tools: &Environment) -> &'static Path {
    static WHEEL: OnceLock<PathBuf> = OnceLock::new();
    WHEEL.get_or_init(|| {
        let folder = scratch("wheels");
        if folder.exists() {
            std::fs::remove_dir_all(&folder).unwrap();
        }
        let mut maturin = Command::new(tools.program("maturin"));
        // The profile of the tests, whose dependencies are there already; a release differs in speed only.
        maturin.args(["build", "--profile", "dev", "--out"]).arg(&folder).current_dir(crate::root());
        crate::succeed(&mut maturin);
        let built: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        let [wheel] = built.as_slice() else { panic!("maturin built {built:?}") };
        wheel.clone()
    })
}

fn run(command: &mut Command) -> Result<(), String> {
    match command.output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(format!("{command:?} ends with {}: {}", output.status, said(&output))),
        Err(error) => Err(format!("{command:?}: {error}")),
    }
}
