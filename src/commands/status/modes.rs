//! Whether others may read the files that have keys.

use std::path::Path;

use crate::profile::{AwsFiles, Document};

/// One sentence for each AWS file that has a key and that others may read, with the fix.
pub(super) fn readable_by_others(files: &AwsFiles) -> Vec<String> {
    let paths = files.paths();
    let both = [(files.credentials(), &paths.credentials), (files.config(), &paths.config)];
    let has_key = |document: Option<&Document>| document.is_some_and(|document| !document.access_key_ids().is_empty());
    both.into_iter().filter(|(document, _)| has_key(*document)).filter_map(|(_, path)| open_to_others(path)).collect()
}

#[cfg(unix)]
fn open_to_others(path: &Path) -> Option<String> {
    use std::os::unix::fs::PermissionsExt;

    let mode = std::fs::metadata(path).ok()?.permissions().mode() & 0o777;
    let is_open = mode & 0o077 != 0;
    is_open
        .then(|| format!("{} has keys and its mode is {mode:o}, so that others may use it: `chmod 600 {}`", path.display(), quoted(path)))
}

/// Windows gives access by lists, which a profile's directory inherits.
#[cfg(not(unix))]
fn open_to_others(_: &Path) -> Option<String> {
    None
}

/// The path as a shell takes it.
#[cfg(unix)]
fn quoted(path: &Path) -> String {
    let text = path.to_string_lossy();
    let is_plain = text.chars().all(|c| c.is_alphanumeric() || "/._-+@%,:=".contains(c));
    if is_plain { text.into_owned() } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_quoted_where_a_shell_would_split_it() {
        for (path, want) in [("/h/.aws/credentials", "/h/.aws/credentials"), ("/a b", "'/a b'"), ("/it's", "'/it'\\''s'"), ("/$x", "'/$x'")]
        {
            assert_eq!(quoted(Path::new(path)), want);
        }
    }
}
