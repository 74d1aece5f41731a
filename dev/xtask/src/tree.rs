//! The checkout as tidy sees it: the files git would carry, with their text.
//!
//! *Invariant, sorted:* files come in the order of their paths, so findings do too.
//! *Units:* a path is relative to the workspace, with `/` on every system; lines count from 1.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::lexer;

/// All files of the checkout, sorted by path. Text is read for `.rs`, `.md` and `.toml` only.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    pub(crate) files: Vec<File>,
    pub(crate) paths: BTreeSet<String>,
}

impl Tree {
    /// Reads what git tracks or would track. Build outputs are ignored by git, hence by us.
    ///
    /// # Errors
    /// When git is missing, `root` is not a checkout, or a file cannot be read.
    pub(crate) fn read(root: &Path) -> Result<Self> {
        let mut tree = Self::default();
        for path in listed_by_git(root)? {
            let place = root.join(&path);
            if !place.exists() {
                continue; // deleted, but not yet committed as deleted
            }
            if has_text(&path) {
                let text = fs::read_to_string(&place).with_context(|| format!("reading {path}"))?;
                tree.files.push(File::new(&path, &text));
            }
            tree.paths.insert(path);
        }
        Ok(tree)
    }

    /// A tree made of pairs of path and text.
    #[cfg(test)]
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        Self {
            files: files
                .iter()
                .map(|(path, text)| File::new(path, text))
                .collect(),
            paths: files.iter().map(|(path, _)| (*path).to_owned()).collect(),
        }
    }

    /// The Rust sources.
    pub(crate) fn rust(&self) -> impl Iterator<Item = &File> {
        self.with_extension("rs")
    }

    /// The Markdown pages.
    pub(crate) fn markdown(&self) -> impl Iterator<Item = &File> {
        self.with_extension("md")
    }

    /// Whether a file or a folder lies at `path`; the empty path is the root.
    pub(crate) fn contains(&self, path: &str) -> bool {
        let folder = format!("{path}/");
        path.is_empty() || self.paths.contains(path) || self.has_prefix(&folder)
    }

    fn has_prefix(&self, prefix: &str) -> bool {
        let next = self.paths.range(prefix.to_owned()..).next();
        next.is_some_and(|path| path.starts_with(prefix))
    }

    fn with_extension(&self, extension: &'static str) -> impl Iterator<Item = &File> {
        self.files
            .iter()
            .filter(move |file| file.path.ends_with(extension))
    }
}

fn listed_by_git(root: &Path) -> Result<BTreeSet<String>> {
    let output = Command::new("git")
        .args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ])
        .current_dir(root)
        .output()
        .context("cannot start git, which tidy asks for the list of files")?;
    if !output.status.success() {
        bail!(
            "git ls-files: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    let list = String::from_utf8(output.stdout).context("a path is not UTF-8")?;
    Ok(list.split_terminator('\0').map(str::to_owned).collect())
}

fn has_text(path: &str) -> bool {
    ["rs", "md", "toml"].contains(&extension_of(path))
}

/// What follows the last dot of the file's name; empty when there is none.
fn extension_of(path: &str) -> &str {
    let extension = Path::new(path).extension();
    extension
        .and_then(|extension| extension.to_str())
        .unwrap_or_default()
}

/// One file: where it lies, what it says, and the two views of it if it is Rust.
#[derive(Debug)]
pub(crate) struct File {
    pub(crate) path: String,
    pub(crate) text: String,
    /// The text with comments and literals blank; empty unless the file is Rust.
    pub(crate) code: String,
    /// The text with all but comments blank; empty unless the file is Rust.
    pub(crate) comments: String,
}

impl File {
    /// A file from its path and text.
    pub(crate) fn new(path: &str, text: &str) -> Self {
        let source = if extension_of(path) == "rs" { text } else { "" };
        let views = lexer::split(source);
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
            code: views.code,
            comments: views.comments,
        }
    }

    /// The folder the file lies in, without a slash at the end; empty at the root.
    pub(crate) fn folder(&self) -> &str {
        self.path.rsplit_once('/').map_or("", |(folder, _)| folder)
    }

    /// The line, from 1, of an offset in bytes.
    pub(crate) fn line_at(&self, offset: usize) -> usize {
        1 + self
            .text
            .bytes()
            .take(offset)
            .filter(|byte| *byte == b'\n')
            .count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tree_knows_files_and_the_folders_above_them() {
        let tree = Tree::of(&[("docs/manual/first.md", ""), ("docs-old.md", "")]);
        for path in [
            "",
            "docs",
            "docs/manual",
            "docs/manual/first.md",
            "docs-old.md",
        ] {
            assert!(tree.contains(path), "{path}");
        }
        for path in ["doc", "docs/man", "docs-old"] {
            assert!(!tree.contains(path), "{path}");
        }
    }

    #[test]
    fn offset_is_told_as_a_line_from_one() {
        let file = File::new("a.rs", "a\nb\nc");
        assert_eq!(
            [0, 1, 2, 4].map(|offset| file.line_at(offset)),
            [1, 1, 2, 3]
        );
    }

    #[test]
    fn only_rust_has_views() {
        assert_eq!(File::new("a.md", "text").code, "");
        assert_eq!(File::new("a.rs", "text").code, "text");
    }
}
