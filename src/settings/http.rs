//! `[http]`: the status page.

use std::net::SocketAddr;

use secrecy::SecretString;

use super::SettingsError;
use super::secret::secret;
use super::section::Section;

pub(super) const KEYS: &[&str] = &["listen", "operator_token", "operator_token_file"];

/// The section `[http]`.
#[derive(Debug, Clone)]
pub struct Http {
    /// `listen`: address and port of the page. None = off (written `""`).
    pub listen: Option<SocketAddr>,
    /// `operator_token`: what it takes to push or hold from the page. None = nobody can.
    pub operator_token: Option<SecretString>,
}

impl Http {
    pub(super) fn read(section: &Section) -> Result<Self, SettingsError> {
        let listen = section.text("listen")?.unwrap_or_else(|| "127.0.0.1:8420".to_owned());
        let listen = match listen.trim() {
            "" => None,
            address => Some(address.parse().map_err(|_| {
                section.wrong(
                    "listen",
                    format!(
                        "expected an address and a port such as \"127.0.0.1:8420\", or \"\" for no page, found {}",
                        section.shown("listen")
                    ),
                )
            })?),
        };
        Ok(Self { listen, operator_token: secret(section, "operator_token")? })
    }
}
