//! Everything that `status` wants to know of a key, with the calls that do not depend on each other made at once.

use std::future::{Future, poll_fn};
use std::task::Poll;

use futures_util::future::join3;

use super::{Aws, AwsError, Signer};
use crate::model::{AccessKey, AccessKeyId, Identity, LastUsed};

/// What AWS said of one signer and its user's keys. Each part fails on its own.
#[derive(Debug)]
pub struct KeySight {
    /// `sts:GetCallerIdentity`.
    pub identity: Result<Identity, AwsError>,
    /// `iam:ListAccessKeys` of the identity's user; `None` where it is neither an IAM user nor the root user, or is unknown.
    pub listing: Option<Result<Vec<AccessKey>, AwsError>>,
    /// `iam:GetAccessKeyLastUsed` of a long-term signer's own key and of every key in the listing.
    pub last_uses: Vec<(AccessKeyId, Result<LastUsed, AwsError>)>,
    /// As [`Aws::root_access_keys`].
    pub root_keys: Result<Option<u32>, AwsError>,
}

impl Aws {
    /// Looks at one key.
    pub fn look(&self, signer: &Signer) -> KeySight {
        self.runtime.block_on(self.sight(signer))
    }

    async fn sight(&self, signer: &Signer) -> KeySight {
        let own = match signer {
            Signer::LongTerm(pair) => vec![pair.id.clone()],
            Signer::Session(_) => Vec::new(),
        };
        let whose = async {
            let identity = self.identity(signer).await;
            let listing = match identity.as_ref().ok().and_then(Identity::key_owner) {
                Some(owner) => Some(self.access_keys(signer, owner).await),
                None => None,
            };
            (identity, listing)
        };
        let ((identity, listing), mut last_uses, summary) =
            join3(whose, self.last_uses(signer, own.clone()), self.account_summary(signer)).await;
        let listed = listing.as_ref().and_then(|listing| listing.as_ref().ok()).into_iter().flatten();
        let others = listed.map(|key| key.id.clone()).filter(|id| !own.contains(id)).collect();
        last_uses.extend(self.last_uses(signer, others).await);
        KeySight { identity, listing, last_uses, root_keys: summary.map(|summary| summary.root_keys) }
    }

    pub(super) async fn last_uses(&self, signer: &Signer, ids: Vec<AccessKeyId>) -> Vec<(AccessKeyId, Result<LastUsed, AwsError>)> {
        all(ids.into_iter().map(|id| async move {
            let last_used = self.last_used(signer, &id).await;
            (id, last_used)
        }))
        .await
    }
}

/// Looks at several keys at once, of different profiles perhaps; the answers are in the order of `keys`.
pub fn look_all(keys: &[(&Aws, &Signer)]) -> Vec<KeySight> {
    match keys.first() {
        Some((aws, _)) => aws.runtime.block_on(all(keys.iter().map(|(aws, signer)| aws.sight(signer)))),
        None => Vec::new(),
    }
}

/// Drives all futures to their end; the outputs keep the order. For a handful: every wake polls all that are unfinished.
pub(super) async fn all<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut slots: Vec<_> = futures.map(|future| (Box::pin(future), None)).collect();
    poll_fn(|context| {
        for (future, output) in slots.iter_mut().filter(|(_, output)| output.is_none()) {
            if let Poll::Ready(value) = future.as_mut().poll(context) {
                *output = Some(value);
            }
        }
        if slots.iter().all(|(_, output)| output.is_some()) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    slots.into_iter().filter_map(|(_, output)| output).collect()
}
