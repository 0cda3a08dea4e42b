//! One write of the changed bytes, where the file's name cannot be replaced. The journal is the backup.

use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::{AwsFile, digest};
use crate::holder::{HolderError, Staged};
use crate::journal::secret::SecretBytes;

/// The change from `base` to `edited`, without the bytes that both begin and (at equal length) end with.
pub(super) fn stage(target: PathBuf, base: &[u8], edited: &[u8]) -> Staged {
    let same = |pairs: &mut dyn Iterator<Item = (&u8, &u8)>| pairs.take_while(|(one, other)| one == other).count();
    let start = same(&mut base.iter().zip(edited));
    let tail = if base.len() == edited.len() { same(&mut base.iter().rev().zip(edited.iter().rev())).min(base.len() - start) } else { 0 };
    let span = |bytes: &[u8]| SecretBytes::new(bytes.get(start..bytes.len() - tail).unwrap_or_default());
    Staged::InPlace { target, offset: start as u64, before: span(base), after: span(edited), base: digest(base), edited: digest(edited) }
}

/// Whether `bytes` are neither before nor after the change but a mixture that writing again completes.
pub(super) fn is_torn(staged: &Staged, bytes: &[u8]) -> bool {
    match staged {
        Staged::Beside { .. } | Staged::Version { .. } | Staged::Item { .. } => false,
        Staged::InPlace { offset, before, after, base, edited, .. } => {
            let found = digest(bytes);
            found != *base
                && found != *edited
                && is_mixture(bytes, *offset, before, after)
                && completed(bytes, *offset, before, after).is_some_and(|whole| digest(&whole) == *edited)
        }
    }
}

/// Whether the span has nothing but bytes of before and of after, each in its place: anything else is somebody's work. Where a file grew,
/// zeros may stand for what did not reach the disk.
fn is_mixture(bytes: &[u8], offset: u64, before: &SecretBytes, after: &SecretBytes) -> bool {
    let (before, after) = (before.expose(), after.expose());
    let Some(rest) = usize::try_from(offset).ok().and_then(|offset| bytes.get(offset..)) else { return false };
    let span = if before.len() == after.len() { rest.get(..after.len()).unwrap_or(rest) } else { rest };
    let is_ours =
        |(at, byte): (usize, &u8)| before.get(at) == Some(byte) || after.get(at) == Some(byte) || (*byte == 0 && at >= before.len());
    // A file that is to shrink is cut in one act; one that is to grow may have grown in part.
    let is_length = if after.len() < before.len() {
        span.len() == before.len() || span.len() == after.len()
    } else {
        (before.len()..=after.len()).contains(&span.len())
    };
    is_length && span.iter().enumerate().all(is_ours)
}

/// Writes the span. What is there already is written again: after a sync that failed, readers see bytes that are not on the disk.
pub(super) fn write(file: &AwsFile<'_>, target: &Path, staged: &Staged) -> Result<(), HolderError> {
    let Staged::InPlace { offset, before, after, base, edited, .. } = staged else { return Err(file.changed()) };
    let bytes = file.read(target)?;
    let found = digest(&bytes);
    if found != *base && found != *edited && !is_torn(staged, &bytes) {
        return Err(file.changed());
    }
    // The name can be replaced by now, which keeps what somebody saves meanwhile. What is there in part has to be completed where it is.
    if found == *base && !file.is_pinned(target)? {
        return Err(file.changed());
    }
    let whole = completed(&bytes, *offset, before, after).ok_or_else(|| file.changed())?;
    let written = (|| {
        let mut open = file.disk.open(target)?;
        open.write_at(*offset, after.expose())?;
        if after.expose().len() < before.expose().len() {
            open.set_len(whole.len() as u64)?;
        }
        open.sync()
    })();
    written.map_err(file.io("written", target))?;
    if digest(&file.read(target)?) == *edited { Ok(()) } else { Err(file.changed()) }
}

/// `bytes` with the change applied; `None` when they are too short to have been its base.
fn completed(bytes: &[u8], offset: u64, before: &SecretBytes, after: &SecretBytes) -> Option<Zeroizing<Vec<u8>>> {
    let offset = usize::try_from(offset).ok()?;
    let tail = if before.expose().len() == after.expose().len() { bytes.get(offset + after.expose().len()..)? } else { &[] };
    let mut whole = Zeroizing::new(Vec::with_capacity(offset + after.expose().len() + tail.len()));
    whole.extend_from_slice(bytes.get(..offset)?);
    whole.extend_from_slice(after.expose());
    whole.extend_from_slice(tail);
    Some(whole)
}
