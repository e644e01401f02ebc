//! Files that were compressed beforehand and lie beside the original: `app.js.br` beside `app.js`.

use std::fs::Metadata;
use std::path::{Path, PathBuf};

use http::HeaderMap;

use super::negotiate;
use crate::coding::Coding;
use crate::respond::conditional::modified;

/// The endings, the smallest form first: that is the one that is preferred, for its making costs nothing here.
const ENDINGS: [(Coding, &str); 3] = [(Coding::Brotli, ".br"), (Coding::Zstd, ".zst"), (Coding::Gzip, ".gz")];

/// What there is beside a file.
pub(crate) enum Found {
    /// No form of it: the answer does not vary.
    Nothing,
    /// Forms, but the client wants none of them.
    Unwanted,
    /// This one.
    Wanted(Coding, PathBuf),
}

/// Looks for compressed forms of a file, and for the one that the client likes best.
///
/// One that is older than the original is of an earlier version, and passed over; so is a symbolic link, which could
/// lead out of a directory that clients may not leave.
pub(crate) fn find(original: &Path, asked: &HeaderMap) -> Found {
    let Ok(metadata) = original.metadata() else { return Found::Nothing };
    let is_fresh = |form: Metadata| form.is_file() && modified(&form) >= modified(&metadata);
    let mut forms = ENDINGS.map(|(coding, ending)| {
        let mut path = original.as_os_str().to_owned();
        path.push(ending);
        let path = PathBuf::from(path);
        let is_there = path.symlink_metadata().is_ok_and(is_fresh);
        is_there.then_some((coding, path))
    });
    if forms.iter().all(Option::is_none) {
        return Found::Nothing;
    }
    let chosen = negotiate::choose(asked, forms.iter().flatten().map(|(coding, _)| *coding));
    let mut forms = forms.iter_mut().filter_map(Option::take);
    match forms.find(|(coding, _)| Some(*coding) == chosen) {
        Some((coding, path)) => Found::Wanted(coding, path),
        None => Found::Unwanted,
    }
}
