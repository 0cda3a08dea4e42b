//! `--debug`: what is done, step by step, on standard error.
//!
//! SECRET: the SDK and its HTTP stack may format requests, so that they stay at warnings whatever is asked for.

use std::io;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;

/// Turns it on, for keyrotate's own words only.
pub fn turn_on() {
    let own = Targets::new().with_default(LevelFilter::WARN).with_target("keyrotate", LevelFilter::DEBUG);
    let lines = tracing_subscriber::fmt().with_max_level(LevelFilter::DEBUG).with_ansi(false).with_writer(io::stderr).finish();
    // Fails only where a subscriber is set already.
    let _ = tracing::subscriber::set_global_default(lines.with(own));
}
