//! The CA bundle that a person named (`AWS_CA_BUNDLE`, `ca_bundle`).
//!
//! As with the AWS CLI it REPLACES the system's roots, it does not add to them: a bundle for a proxy that re-signs TLS must
//! hold every root that is needed. Invariant: what passes here cannot panic in the SDK's client, which takes a bad
//! certificate for a bug and a bundle without one for "trust nobody".

use std::io::ErrorKind;
use std::path::Path;

use aws_smithy_http_client::tls::TrustStore;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use super::AwsSetupError;
use crate::os::disk::{Disk, RealDisk};

/// Reads the bundle; every certificate in it must be one that can serve as a root.
pub(super) fn read(path: &Path) -> Result<TrustStore, AwsSetupError> {
    let pem = RealDisk.read(path).map_err(|reason| {
        let path = path.to_owned();
        if reason.kind() == ErrorKind::NotFound {
            AwsSetupError::CaBundleMissing { path }
        } else {
            AwsSetupError::CaBundleUnreadable { path, reason }
        }
    })?;
    check(&pem).map_err(|fault| match fault {
        Fault::Empty => AwsSetupError::CaBundleEmpty { path: path.to_owned() },
        Fault::Bad { number, reason } => AwsSetupError::CaBundleBad { path: path.to_owned(), number, reason },
    })?;
    Ok(TrustStore::empty().with_native_roots(false).with_pem_certificate(pem))
}

#[derive(Debug, PartialEq, Eq)]
enum Fault {
    Empty,
    Bad { number: usize, reason: String },
}

fn check(pem: &[u8]) -> Result<(), Fault> {
    let mut certificates = 0;
    for certificate in CertificateDer::pem_slice_iter(pem) {
        certificates += 1;
        let bad = |reason: String| Fault::Bad { number: certificates, reason };
        let certificate = certificate.map_err(|error| bad(error.to_string()))?;
        webpki::anchor_from_trusted_cert(&certificate).map_err(|error| bad(error.to_string()))?;
    }
    if certificates == 0 { Err(Fault::Empty) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn authority() -> String {
        let key = rcgen::KeyPair::generate().unwrap();
        rcgen::CertificateParams::new(Vec::new()).unwrap().self_signed(&key).unwrap().pem()
    }

    #[test]
    fn certificates_pass_whatever_text_is_around_them() {
        let bundle = format!("# Corporate root\n{}\n\nanother:\n{}", authority(), authority());
        assert_eq!(check(bundle.as_bytes()), Ok(()));
    }

    #[test]
    fn a_bundle_without_a_certificate_is_no_bundle() {
        let key = rcgen::KeyPair::generate().unwrap().serialize_pem();
        for pem in ["", "no certificate here\n", &key] {
            assert_eq!(check(pem.as_bytes()), Err(Fault::Empty));
        }
    }

    #[test]
    fn the_bad_certificate_is_named_by_its_number() {
        let rubbish = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let torn = authority().replace("-----END CERTIFICATE-----", "");
        for (bundle, expected) in [(format!("{}{rubbish}", authority()), 2), (torn, 1)] {
            assert!(matches!(check(bundle.as_bytes()), Err(Fault::Bad { number, .. }) if number == expected), "{bundle}");
        }
    }

    #[test]
    fn a_missing_file_is_told_from_an_unreadable_one() {
        let dir = tempfile::tempdir().unwrap();
        assert!(matches!(read(&dir.path().join("none.pem")), Err(AwsSetupError::CaBundleMissing { .. })));
        assert!(matches!(read(dir.path()), Err(AwsSetupError::CaBundleUnreadable { .. })));
    }
}
