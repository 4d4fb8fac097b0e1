//! Encryption on the way to PostgreSQL.

use std::path::Path;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{DatabaseError, Tls};

/// None where nothing is to be encrypted.
pub(super) fn connector(tls: &Tls, url_setting: &str) -> Result<Option<MakeRustlsConnect>, DatabaseError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = || {
        ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .expect("the provider has what TLS 1.2 and 1.3 need")
    };
    let config = match tls {
        Tls::Disable => return Ok(None),
        Tls::Prefer | Tls::Require => builder()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Unverified(provider.clone())))
            .with_no_client_auth(),
        Tls::VerifyFull { ca_file: Some(file) } => {
            builder().with_root_certificates(roots_in(file, url_setting)?).with_no_client_auth()
        }
        Tls::VerifyFull { ca_file: None } => {
            let system = rustls_platform_verifier::Verifier::new(provider.clone()).map_err(|source| {
                DatabaseError::NoSystemCertificates { setting: setting_beside(url_setting), source }
            })?;
            builder().dangerous().with_custom_certificate_verifier(Arc::new(system)).with_no_client_auth()
        }
    };
    Ok(Some(MakeRustlsConnect::new(config)))
}

/// `datatracker.tls` for `datatracker.database_url`.
pub(super) fn setting_beside(url_setting: &str) -> String {
    match url_setting.rsplit_once('.') {
        Some((section, _)) => format!("{section}.tls"),
        None => "tls".to_owned(),
    }
}

fn roots_in(file: &Path, url_setting: &str) -> Result<RootCertStore, DatabaseError> {
    let bad = |reason: String| DatabaseError::BadCertificates {
        setting: format!("{}_ca_file", setting_beside(url_setting)),
        file: file.to_owned(),
        reason,
    };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(file).map_err(|error| bad(error.to_string()))? {
        let certificate = certificate.map_err(|error| bad(error.to_string()))?;
        roots.add(certificate).map_err(|error| bad(error.to_string()))?;
    }
    if roots.is_empty() { Err(bad("it holds no certificate".to_owned())) } else { Ok(roots) }
}

/// Takes any certificate, as `prefer` and `require` promise no more than encryption. The handshake itself is still
/// checked.
#[derive(Debug)]
struct Unverified(Arc<CryptoProvider>);

impl ServerCertVerifier for Unverified {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
