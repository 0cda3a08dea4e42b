//! MFA-backed sessions: what is asked for, what is cached, and how one process asks for all.
//!
//! Invariants: a session is handed out only for the request that it was opened for; of many processes that want it at once, one asks; a
//! token code is sent once.

mod cache;
pub mod environment;
mod obtain;
mod plan;
mod request;
mod source;
mod token_codes;

pub use cache::{Cache, CacheError, Cached, Found, Known, NotForgotten, Whose};
pub use obtain::{NoSession, Opened, Opening, least, warm};
pub use plan::{Plan, Wishes, plan};
pub use request::{LONGEST_CHAINED, Leg, Request, RoleRequest, partition};
pub use source::{NoCode, Source, Sources};
pub use token_codes::{TokenCodes, Used};
