//! A directory for one story, gone at its end.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

pub struct Directory(PathBuf);

impl Directory {
    /// On the disk of the target folder, where fsync means something.
    pub fn new() -> Directory {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}-{number}", std::process::id()));
        fs::create_dir_all(&path).expect("the target folder can be written");
        Directory(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Writes a file in it and gives its path.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.join(name);
        fs::create_dir_all(path.parent().expect("it is below the directory")).expect("it can be made");
        fs::write(&path, content).expect("the directory can be written");
        path
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // What cannot be removed is left to `cargo clean`.
        let _ = fs::remove_dir_all(&self.0);
    }
}
