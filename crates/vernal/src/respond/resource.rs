//! Directories whose files clients may fetch (`spec/05` section 6).

use std::fs::Metadata;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use super::StaticFile;
use super::file::{Stamp, not_found};
use crate::HttpError;

/// Patterns of request paths, each with the directory that its files come from. The first pattern that matches
/// decides, even if its file is missing.
///
/// | pattern | matches | file |
/// |---|---|---|
/// | `/public/*` or `/public/` | `/public/` and a name | the name in the directory |
/// | `/public/**` | `/public/` and names divided by `/` | the same, below the directory |
/// | `*.ico` | a name with this extension, at the top | the name in the directory |
/// | `**.txt` | any path with this extension | the path below the directory |
///
/// The slash before a prefix may be left out. Everything but the stars means itself, and a name may have any
/// character but `/`, which the reference's may not (`spec/08` ST-3).
///
/// Nothing outside the directory can be reached (`spec/08` ST-1): not by `..`, however it is encoded, nor by a
/// symbolic link that leads out; links that stay inside are followed. Files and directories whose names start with
/// a dot are refused as well, for they are seldom meant to be seen (`.git`, `.env`): see
/// [`dotfiles`](Resources::dotfiles). A directory has no listing, and no index unless
/// [`index_files`](Resources::index_files) names one. All of these are answered with the same 404 as a file that
/// doesn't exist.
#[derive(Debug, Clone, Default)]
pub(crate) struct Resources {
    mappings: Vec<Mapping>,
    dotfiles: bool,
    index_files: Vec<String>,
}

#[derive(Debug, Clone)]
struct Mapping {
    pattern: Pattern,
    root: Arc<Path>,
}

/// A request path that a pattern matched: a directory, and what is asked for in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Located {
    pub(crate) root: Arc<Path>,
    /// As the client gave it, percent-decoded, without leading slash. Not to be trusted before
    /// [`resolve`](Resources::resolve).
    pub(crate) relative: String,
}

impl Resources {
    /// Whether names that start with a dot may be fetched. Default: false.
    pub(crate) fn dotfiles(mut self, allowed: bool) -> Self {
        self.dotfiles = allowed;
        self
    }

    /// Names of files that stand for their directory; the first one that exists is sent. Default: none.
    ///
    /// The path of a directory matches with and without a slash at its end; relative links in its index need the one
    /// with it. With an index, a prefix pattern matches its bare prefix too.
    pub(crate) fn index_files<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.index_files = names.into_iter().map(Into::into).collect();
        self
    }

    /// Adds a pattern after those already there. The directory need not exist yet; a relative one starts at what is
    /// the process's current directory now.
    ///
    /// # Errors
    ///
    /// A text that says what is wrong, if the pattern has none of the four forms or the directory's name is empty.
    pub(crate) fn add(&mut self, pattern: &str, directory: impl AsRef<Path>) -> Result<(), String> {
        let directory = directory.as_ref();
        let root = std::path::absolute(directory).map_err(|error| {
            format!("the directory {directory:?} of the resource pattern {pattern:?} cannot be used: {error}")
        })?;
        let pattern = Pattern::parse(pattern)?;
        self.mappings.push(Mapping { pattern, root: root.into() });
        Ok(())
    }

    /// The first pattern that matches a percent-decoded request path with its leading slash.
    pub(crate) fn find(&self, path: &str) -> Option<Located> {
        self.mappings.iter().find_map(|mapping| {
            let relative = mapping.pattern.relative(path, !self.index_files.is_empty())?;
            Some(Located { root: Arc::clone(&mapping.root), relative: relative.to_owned() })
        })
    }

    /// The file for a percent-decoded request path with its leading slash.
    ///
    /// # Errors
    ///
    /// As [`resolve`](Resources::resolve); as well where no pattern matches.
    pub(crate) fn file(&self, path: &str) -> Result<StaticFile, HttpError> {
        self.resolve(&self.find(path).ok_or_else(not_found)?)
    }

    /// The file that is asked for, if it is one that may be sent.
    ///
    /// Between this and the opening of the file, who may write in the directory can put a link in its place. Who may
    /// do that to the server's files is trusted.
    ///
    /// # Errors
    ///
    /// 404, whatever the reason: the client is not told what is there.
    pub(crate) fn resolve(&self, located: &Located) -> Result<StaticFile, HttpError> {
        let Located { root, relative } = located;
        let (path, metadata) = self.locate(root, relative).ok_or_else(not_found)?;
        if metadata.is_dir() {
            return self.index_of(root, relative).ok_or_else(not_found);
        }
        match metadata.is_file() && !relative.ends_with('/') {
            true => Ok(StaticFile::found(path, Stamp::of(&metadata))),
            false => Err(not_found()),
        }
    }

    fn index_of(&self, root: &Path, relative: &str) -> Option<StaticFile> {
        self.index_files.iter().find_map(|name| {
            let directory = relative.trim_end_matches('/');
            let index = if directory.is_empty() { name.clone() } else { format!("{directory}/{name}") };
            let (path, metadata) = self.locate(root, &index)?;
            metadata.is_file().then(|| StaticFile::found(path, Stamp::of(&metadata)))
        })
    }

    /// What stands at a path inside the root, if it is inside.
    ///
    /// The names are added one by one and none of them can lead upwards; so the path is inside unless one is a
    /// symbolic link, and only then do links have to be resolved, which costs many times as much. The root itself
    /// may be a link, and is read anew each time: an exchanged link is how releases are switched.
    fn locate(&self, root: &Path, relative: &str) -> Option<(PathBuf, Metadata)> {
        let mut path = PathBuf::with_capacity(root.as_os_str().len() + relative.len() + 1);
        path.push(root);
        let mut metadata = None;
        // An empty name, as in `a//b`, means nothing to any file system; here it has no file, so that each file has one path,
        // and no filter for that is passed by. Only the slash at the end of a directory is not a name.
        let names = relative.strip_suffix('/').unwrap_or(relative);
        for name in names.split('/').filter(|_| !names.is_empty()) {
            if !is_single_name(name) || (name.starts_with('.') && !self.dotfiles) {
                return None;
            }
            path.push(name);
            if !metadata.as_ref().is_some_and(Metadata::is_symlink) {
                metadata = Some(path.symlink_metadata().ok()?);
            }
        }
        match metadata {
            Some(metadata) if !metadata.is_symlink() && !cfg!(windows) => Some((path, metadata)),
            _ => self.follow(root, &path),
        }
    }

    /// What stands at a path once its links are resolved, if that is inside the root.
    ///
    /// Windows has other names for a file than its own (`GIT~1` for `.git`), so there dots are looked for again.
    fn follow(&self, root: &Path, path: &Path) -> Option<(PathBuf, Metadata)> {
        let root = root.canonicalize().ok()?;
        let path = path.canonicalize().ok()?;
        let relative = path.strip_prefix(&root).ok()?;
        let hidden = |name: Component| name.as_os_str().as_encoded_bytes().starts_with(b".");
        if cfg!(windows) && !self.dotfiles && relative.components().any(hidden) {
            return None;
        }
        let metadata = path.metadata().ok()?;
        Some((path, metadata))
    }
}

/// Whether this is a name and nothing more: no `.` or `..`, no separator of this system or of Windows, no drive, no
/// stream of a file (`a:b`, on Windows), no end of a C string.
fn is_single_name(name: &str) -> bool {
    let mut components = Path::new(name).components();
    matches!((components.next(), components.next()), (Some(Component::Normal(_)), None))
        && !name.contains(['\\', '\0'])
        && !(cfg!(windows) && name.contains(':'))
}

/// The four forms. `deep` is the double star: the variable part may contain slashes.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Pattern {
    /// `/prefix/` and something.
    Prefix { prefix: String, deep: bool },
    /// Something and `.extension`.
    Extension { extension: String, deep: bool },
}

impl Pattern {
    fn parse(text: &str) -> Result<Self, String> {
        let bare = text.trim_start_matches('/');
        let has_slash = bare.len() < text.len();
        let (pattern, literal) = if let Some(extension) = bare.strip_prefix("**.") {
            (Pattern::Extension { extension: format!(".{extension}"), deep: true }, extension)
        } else if let Some(extension) = bare.strip_prefix("*.") {
            (Pattern::Extension { extension: format!(".{extension}"), deep: false }, extension)
        } else {
            let (prefix, deep) = match (bare.strip_suffix("**"), bare.strip_suffix('*')) {
                (Some(prefix), _) => (prefix, true),
                (None, Some(prefix)) => (prefix, false),
                (None, None) => (bare, false),
            };
            // The bare star of `*` and `**` is not taken for `/*` and `/**`: sharing all files is to be meant.
            if !(prefix.ends_with('/') || prefix.is_empty() && has_slash) {
                return Err(no_form(text));
            }
            (Pattern::Prefix { prefix: format!("/{prefix}"), deep }, prefix)
        };
        let is_extension = matches!(pattern, Pattern::Extension { .. });
        if literal.contains('*') || is_extension && (literal.is_empty() || literal.contains('/')) {
            return Err(no_form(text));
        }
        Ok(pattern)
    }

    /// What of the path names the file. An empty rest, the directory itself, counts only where that is asked for.
    fn relative<'p>(&self, path: &'p str, directory_too: bool) -> Option<&'p str> {
        match self {
            Pattern::Prefix { prefix, deep } => {
                let rest = path.strip_prefix(prefix.as_str())?;
                ((*deep || !rest.contains('/')) && (directory_too || !rest.is_empty())).then_some(rest)
            }
            Pattern::Extension { extension, deep } => {
                let path = path.strip_prefix('/')?;
                let name = path.strip_suffix(extension.as_str())?;
                ((*deep || !name.contains('/')) && !name.is_empty()).then_some(path)
            }
        }
    }
}

fn no_form(pattern: &str) -> String {
    format!(
        "the resource pattern {pattern:?} is none of `/prefix/*`, `/prefix/**`, `*.extension` and `**.extension`"
    )
}

#[cfg(test)]
mod tests;
