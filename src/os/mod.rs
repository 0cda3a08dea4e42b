//! What the operating system offers: here, its clocks.

pub mod clock;
