//! The disk, with some files as they are in an editor or will be.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use super::{Disk, FileSystem, Kind};

/// Texts that stand for what the disk holds at their paths.
#[derive(Clone, Debug, Default)]
pub struct Overlay {
    texts: BTreeMap<PathBuf, Vec<u8>>,
}

impl Overlay {
    pub fn insert(&mut self, path: PathBuf, text: Vec<u8>) {
        self.texts.insert(path, text);
    }

    pub fn remove(&mut self, path: &Path) {
        self.texts.remove(path);
    }

    fn get(&self, path: &Path) -> Option<&Vec<u8>> {
        // A link leads to the text of its target.
        self.texts.get(path).or_else(|| self.texts.get(&path.canonicalize().ok()?))
    }
}

impl FileSystem for Overlay {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.get(path).map_or_else(|| Disk.read(path), |text| Ok(text.clone()))
    }

    fn kind(&self, path: &Path) -> Option<Kind> {
        Disk.kind(path).or_else(|| self.get(path).map(|_| Kind::File))
    }

    fn resolve(&self, path: &Path) -> io::Result<PathBuf> {
        Disk.resolve(path).or_else(|error| if self.texts.contains_key(path) { Ok(path.to_path_buf()) } else { Err(error) })
    }

    fn glob(&self, pattern: &str) -> Vec<PathBuf> {
        Disk.glob(pattern)
    }
}
