//! The folder that a server runs in: the case's files, with the folder's own path filled in.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::Outcome;
use crate::case::Case;

pub(crate) struct Stage {
    folder: TempDir,
    pub(crate) config: PathBuf,
}

/// Stands in a case's files for the folder.
const PLACEHOLDER: &str = "@PREFIX@";

impl Stage {
    pub(crate) fn new(case: &Case) -> Outcome<Stage> {
        let folder = tempfile::Builder::new().prefix("live-").tempdir()?;
        let prefix = folder.path().to_path_buf();
        copy(&case.folder, &prefix, &prefix)?;
        for (name, text) in &case.files {
            let path = prefix.join(name);
            fs::create_dir_all(path.parent().unwrap_or(&prefix))?;
            fs::write(path, text)?;
        }
        // nginx's workers and httpd's children are other users than the one who runs the test.
        open_folders(&prefix)?;
        Ok(Stage { config: prefix.join(&case.config), folder })
    }

    pub(crate) fn prefix(&self) -> &Path {
        self.folder.path()
    }
}

fn copy(from: &Path, to: &Path, prefix: &Path) -> Outcome<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (source, name) = (entry.path(), entry.file_name());
        let target = to.join(&name);
        if source.is_dir() {
            copy(&source, &target, prefix)?;
        } else if name != "case.json" && name != "observed.json" {
            fs::copy(&source, &target)?;
            let content = fs::read(&source)?;
            if let Ok(text) = String::from_utf8(content)
                && text.contains(PLACEHOLDER)
            {
                fs::write(&target, text.replace(PLACEHOLDER, &prefix.to_string_lossy()))?;
            }
        }
    }
    Ok(())
}

fn open_folders(folder: &Path) -> Outcome<()> {
    fs::set_permissions(folder, fs::Permissions::from_mode(0o777))?;
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            open_folders(&path)?;
        }
    }
    Ok(())
}
