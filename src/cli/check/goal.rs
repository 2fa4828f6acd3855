//! What a run is to tell: the settings of the project, with the command line on top of them.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use super::{CheckOptions, Failure};
use crate::cli::settings::{Settings, shown};
use crate::config::{FailOn, Mistake, Policy};
use crate::contract::Contract;
use crate::finding::Severity;
use crate::lint::Linted;
use crate::source::SourceFile;

pub(in crate::cli) struct Goal {
    pub(in crate::cli) settings: Settings,
    pub(in crate::cli) policy: Policy,
    pub(in crate::cli) contract: Contract,
    pub(in crate::cli) fail_on: FailOn,
    pub(in crate::cli) pedantic: bool,
}

impl Goal {
    pub(in crate::cli) fn new(options: &CheckOptions) -> Result<Self, Failure> {
        let settings = Settings::load(options.common.settings_file.as_deref(), start(options))?;
        let loaded = &settings.loaded;
        let mut contract = Contract::default();
        if let Some(file) = &settings.file {
            contract.expect(&file.name, file.path.clone(), file.text(), &loaded.config.expect);
            for path in &loaded.config.openapi {
                openapi(&loaded.place(path.as_ref()), &mut contract).map_err(|failure| at(file, path.span(), &failure))?;
            }
        }
        for path in &options.openapi {
            openapi(path, &mut contract)?;
        }
        let policy = Policy::new(loaded, &options.select, &options.ignore, &options.severity);
        let fail_on = options.fail_on.or(loaded.config.fail_on).unwrap_or_default();
        let pedantic = options.pedantic || loaded.config.pedantic.unwrap_or_default();
        Ok(Goal { policy, contract, fail_on, pedantic, settings })
    }

    /// Takes out the findings that only `--pedantic` reports.
    pub(in crate::cli) fn hold_back(&self, configs: &mut [Linted]) {
        if self.pedantic {
            return;
        }
        for config in configs {
            let held: Vec<_> = config.reports.extract_if(.., |report| report.finding.severity <= Severity::Info).collect();
            // Nobody waits for their memory.
            rayon::spawn(move || drop(held));
        }
    }
}

/// The path above which the file of settings is looked for.
fn start(options: &CheckOptions) -> &Path {
    let first = options.paths.first().filter(|path| path.as_os_str() != "-");
    first.or(options.stdin_filename.as_ref()).map_or(Path::new("."), |path| path)
}

/// A failure that a line of the settings is the cause of.
fn at(file: &Arc<SourceFile>, range: Range<usize>, failure: &Failure) -> Failure {
    Failure::Settings { file: Arc::clone(file), mistakes: vec![Mistake { range, message: failure.to_string(), help: None }] }
}

fn openapi(path: &Path, contract: &mut Contract) -> Result<(), Failure> {
    let what = shown(path);
    let text = std::fs::read_to_string(path).map_err(|source| Failure::Read { what: what.clone(), source })?;
    contract.openapi(&what, path.to_path_buf(), &text).map_err(|source| Failure::OpenApi { what, source })
}
