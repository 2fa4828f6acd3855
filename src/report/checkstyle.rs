//! `--format checkstyle`: the XML of the Java tool, which many CI servers read.

use std::io::{self, Write};

use super::xml::escaped;
use super::{Run, text};

/// Writes the findings, file by file.
pub(super) fn write(run: &Run<'_>, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, r#"<?xml version="1.0" encoding="UTF-8"?>"#)?;
    writeln!(out, r#"<checkstyle version="4.3">"#)?;
    for config in run.configs {
        let mut open = None;
        for finding in config.findings() {
            let Some(file) = config.sources.get(finding.span.file) else { continue };
            if open != Some(file.id) {
                if open.is_some() {
                    writeln!(out, "  </file>")?;
                }
                writeln!(out, r#"  <file name="{}">"#, escaped(&run.path(&file.name)))?;
                open = Some(file.id);
            }
            let at = file.position(finding.span.start);
            let (line, column, severity, rule) = (at.line, at.column, finding.severity, finding.rule);
            let message = text::whole(finding);
            let message = escaped(&message);
            writeln!(
                out,
                r#"    <error line="{line}" column="{column}" severity="{severity}" message="{message}" source="proxylint.{rule}"/>"#
            )?;
        }
        if open.is_some() {
            writeln!(out, "  </file>")?;
        }
    }
    writeln!(out, "</checkstyle>")
}
