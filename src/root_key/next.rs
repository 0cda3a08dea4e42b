//! What comes next, by what AWS shows of the key and who may sign for the root user. Pure.
//!
//! Invariants: what was tried does not count, what AWS shows does; a key is deactivated only where something else may sign that it is activated or
//! deleted afterwards, because a deactivated key signs nothing and nobody but the root user reaches its keys.

/// What AWS shows of the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// It is listed, and not inactive.
    Active,
    /// It is listed as inactive.
    Inactive,
    /// AWS accepts it, and does not list it: one of the two answers is late.
    Unlisted,
    /// The root user does not have it.
    Gone,
    /// AWS does not accept it, and nothing here can sign to see why.
    Hidden,
    /// The same, and AWS counts a key of the root user, who had no other one.
    Counted,
    /// AWS knows it, the pair here has another secret, and nothing here can sign to see more.
    OtherSecret,
}

/// Who may sign for the root user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// An MFA session of the root user: one that is open, or one that a code opens.
    Session,
    /// Another access key of the root user.
    OtherKey,
    /// The key itself alone.
    Itself,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Deactivate it, wait, delete it.
    Deactivate(By),
    /// It signs its own deletion.
    DeleteAtOnce,
    /// It is inactive: delete it, or activate it again.
    Decide(By),
    /// Nothing, until AWS's answers agree.
    Later,
    /// It is gone: the files still have it.
    CleanUp,
    /// AWS does not accept it, and a person has seen that it is gone: the files still have it.
    Believe,
    /// A person says that it is gone, and AWS has it.
    Contradicted,
    /// It is inactive or gone, and nobody here can tell or sign.
    Stranded,
}

/// The decision. `by` is the best that there is; a key that AWS does not accept is nobody. `seen_gone`: a person says that they have seen that the
/// root user does not have it any more, which counts only where AWS says nothing.
pub fn next(seen: Seen, by: Option<By>, seen_gone: bool) -> Step {
    match (seen, by) {
        (Seen::Active | Seen::Inactive | Seen::Counted | Seen::OtherSecret, _) if seen_gone => Step::Contradicted,
        (Seen::Hidden, _) if seen_gone => Step::Believe,
        (Seen::Gone, _) => Step::CleanUp,
        (Seen::Unlisted, _) => Step::Later,
        (Seen::Active, Some(by @ (By::Session | By::OtherKey))) => Step::Deactivate(by),
        (Seen::Active, Some(By::Itself)) => Step::DeleteAtOnce,
        (Seen::Inactive, Some(by @ (By::Session | By::OtherKey))) => Step::Decide(by),
        // It still signs a moment after it was deactivated.
        (Seen::Inactive, Some(By::Itself) | None) | (Seen::Active, None) => Step::Stranded,
        (Seen::Hidden | Seen::Counted | Seen::OtherSecret, _) => Step::Stranded,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BY: [Option<By>; 4] = [None, Some(By::Itself), Some(By::OtherKey), Some(By::Session)];
    const SEEN: [Seen; 7] = [Seen::Active, Seen::Inactive, Seen::Unlisted, Seen::Gone, Seen::Hidden, Seen::Counted, Seen::OtherSecret];

    #[test]
    fn a_key_is_deactivated_only_where_something_else_can_sign_what_comes_after() {
        for (by, seen) in BY.into_iter().flat_map(|by| SEEN.map(|seen| (by, seen))) {
            let step = next(seen, by, false);
            let can_go_on = matches!(by, Some(By::OtherKey | By::Session));
            assert!(!matches!(step, Step::Deactivate(_) | Step::Decide(_)) || can_go_on, "{seen:?} {by:?}: {step:?}");
            assert_eq!(step == Step::CleanUp, seen == Seen::Gone, "{seen:?} {by:?}");
            assert_eq!(step == Step::Later, seen == Seen::Unlisted, "{seen:?} {by:?}");
            assert_eq!(step == Step::DeleteAtOnce, seen == Seen::Active && by == Some(By::Itself), "{seen:?} {by:?}");
            assert_eq!(step == Step::Decide(By::Session), seen == Seen::Inactive && by == Some(By::Session), "{seen:?} {by:?}");
            assert!(!matches!(step, Step::Believe | Step::Contradicted), "{seen:?} {by:?}: nobody said so");
        }
    }

    #[test]
    fn a_persons_word_counts_only_where_aws_says_nothing_and_does_nothing_to_a_key() {
        for (by, seen) in BY.into_iter().flat_map(|by| SEEN.map(|seen| (by, seen))) {
            let expected = match seen {
                Seen::Active | Seen::Inactive | Seen::Counted | Seen::OtherSecret => Step::Contradicted,
                Seen::Unlisted => Step::Later,
                Seen::Gone => Step::CleanUp,
                Seen::Hidden => Step::Believe,
            };
            assert_eq!(next(seen, by, true), expected, "{seen:?} {by:?}");
        }
    }
}
