//! The rotation of one key, as a saga that every interruption leaves in a state from which it goes on.
//!
//! [`next()`] decides and is pure; [`drive()`] performs one step after the other and writes the record down in between; effects go
//! through [`World`]. Invariants: a state is on the disk before the act that it announces; what must not be done twice is decided
//! from what is seen, never from what was tried.

mod authority;
mod begin;
pub mod describe;
mod drive;
mod files;
mod history;
mod next;
mod observation;
mod pairs;
mod plan;
mod record;
mod resolve;
mod second_key;
mod secrets;
mod step;
mod world;

pub use authority::{Authority, Grant, Granted};
pub use begin::{
    Beginning, Begun, KnownKey, Managed, MissingSecret, Preflight, Pull, Refused, SecretTarget, begin, begin_pull, explain, look_again,
};
pub use drive::{Ended, drive};
pub use files::Files;
pub use history::HistoryLine;
pub use next::{Rules, end_of, next, wants_session};
pub use observation::{Act, Listing, Observation, Proof, SessionSight};
pub use pairs::{NotRecalled, enter, recall, take_up};
pub use plan::{plan, plan_resumed};
pub use record::{End, HolderEntry, NewKey, Record, Rival, State, Which};
pub use resolve::{Direction, Unresolved, resolve};
pub use second_key::{Decision, Permissions, SecondKey, second_key};
pub use secrets::SignedSecrets;
pub use step::{Step, Stop, StopKind};
pub use world::{Outcome, Prepared, RealWorld, World};
