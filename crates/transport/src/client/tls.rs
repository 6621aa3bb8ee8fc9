//! Which servers are trusted. Verification cannot be turned off.

use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use crate::BuildError;

/// TLS for HTTP/1.1 with ring, never with the process's default provider: another library may have set that.
pub(crate) fn client_config(extra_roots_pem: Option<&[u8]>) -> Result<ClientConfig, BuildError> {
    let mut config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|_| BuildError::Tls)?
        .with_root_certificates(roots(extra_roots_pem)?)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

fn roots(extra_pem: Option<&[u8]>) -> Result<RootCertStore, BuildError> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    #[cfg(feature = "native-roots")]
    add_native(&mut roots)?;
    if let Some(pem) = extra_pem {
        let before = roots.len();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let added = certificate.map(|certificate| roots.add(certificate));
            added.map_err(|_| BuildError::ExtraRoot)?.map_err(|_| BuildError::ExtraRoot)?;
        }
        if roots.len() == before {
            return Err(BuildError::ExtraRoot);
        }
    }
    Ok(roots)
}

/// What cannot be read is skipped, and a machine that has none has none; it is an error only if all of them failed.
#[cfg(feature = "native-roots")]
fn add_native(roots: &mut RootCertStore) -> Result<(), BuildError> {
    let found = rustls_native_certs::load_native_certs();
    let some_failed = !found.errors.is_empty();
    let (added, ignored) = roots.add_parsable_certificates(found.certs);
    if added == 0 && (some_failed || ignored > 0) { Err(BuildError::NativeRoots) } else { Ok(()) }
}
