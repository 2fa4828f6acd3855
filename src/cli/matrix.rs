//! `proxylint matrix`: routes by methods.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;

use super::options::{Common, Machinery, Rendering};
use super::settings::Settings;
use super::{Failure, Status};
use crate::lint::{Input, Loaded};
use crate::matrix;
use crate::report;
use crate::report::style::Palette;

#[derive(Args)]
pub(super) struct MatrixOptions {
    /// The main files of configs.
    #[arg(required = true, value_name = "CONFIG")]
    configs: Vec<PathBuf>,
    #[arg(long, value_enum, default_value_t)]
    format: Rendering,
    #[command(flatten)]
    common: Common,
}

pub(super) fn run(options: &MatrixOptions, out: &mut dyn Write) -> Result<Status, Failure> {
    let start = options.configs.first().map_or(Path::new("."), PathBuf::as_path);
    let project = Settings::load(options.common.settings_file.as_deref(), start)?;
    let machinery = Machinery::new(&options.common, &project)?;
    let palette = Palette::new(options.common.is_colored());
    for (index, path) in options.configs.iter().enumerate() {
        let input = Input::file(path);
        let server = machinery.server(&options.common, &input)?;
        let task = machinery.task(&options.common, server, Vec::new());
        let loaded = Loaded::read(machinery.machine(), server, &[input], &task)?;
        let rows = matrix::rows(loaded.site.as_ref());
        match options.format {
            Rendering::Json => report::matrix::json(&loaded, &rows, out)?,
            Rendering::Human => {
                if options.configs.len() > 1 {
                    let blank = if index > 0 { "\n" } else { "" };
                    writeln!(out, "{blank}{}", path.display())?;
                }
                report::matrix::human(&loaded, &rows, palette, out)?;
            }
        }
    }
    Ok(Status::Clean)
}
