//! What is configured: keyrotate's own settings.

pub mod settings;
