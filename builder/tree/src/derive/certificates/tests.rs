use formats::tree::{Kind, NoContent, Tree};

use super::*;
use crate::accounts::Accounts;

/// Subject: C=DE, O="  Stone   Wörks ", OU="Ä  B" + UID=x, CN=Root CA; the hash is what
/// `openssl x509 -hash` prints.
const PEM: &str = "-----BEGIN CERTIFICATE-----\n\
MIICDjCCAbWgAwIBAgIUcOmZj+vOj0sw4JOMgLq09wL4QVkwCgYIKoZIzj0EAwIw\n\
XDELMAkGA1UEBhMCREUxGjAYBgNVBAoMESAgU3RvbmUgICBXw7Zya3MgMR8wDAYD\n\
VQQLDAXDhCAgQjAPBgoJkiaJk/IsZAEBDAF4MRAwDgYDVQQDDAdSb290IENBMCAX\n\
DTI2MTEyNTAzMDAyMFoYDzIxMjYxMTAxMDMwMDIwWjBcMQswCQYDVQQGEwJERTEa\n\
MBgGA1UECgwRICBTdG9uZSAgIFfDtnJrcyAxHzAMBgNVBAsMBcOEICBCMA8GCgmS\n\
JomT8ixkAQEMAXgxEDAOBgNVBAMMB1Jvb3QgQ0EwWTATBgcqhkjOPQIBBggqhkjO\n\
PQMBBwNCAATDqD51RgG4bZHU909v/wXNffu/lE/ZMAqIhFpEM6AJg5kSKUKyu0LW\n\
cNQN7bC6Tzm8A4JOYzRthw30YB2rR6ono1MwUTAdBgNVHQ4EFgQUrfgqQG2/mSGL\n\
bjYfvMSZz6uy1TYwHwYDVR0jBBgwFoAUrfgqQG2/mSGLbjYfvMSZz6uy1TYwDwYD\n\
VR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNHADBEAiBEcxj/e7rA1qSpCQzmU6Ro\n\
rIPRs9HSNWnaZByNVXgzSwIgWdPdX0sHNUvbXERNm1ySW0af1A5HW57vyI/XWyc2\n\
XJE=\n\
-----END CERTIFICATE-----\n";
const HASH: &str = "ab643bcc";

fn derived(files: &[(&str, &str)]) -> Result<Tree, CertificateError> {
    let (mut tree, accounts) = (Tree::new(), Accounts::new());
    let mut edit =
        Edit { tree: &mut tree, accounts: &accounts, source: &NoContent, origin: "test" };
    for (path, text) in files {
        edit.file(path, Content::inline(text.as_bytes()), Look::root(0o644)).unwrap();
    }
    derive(&mut edit)?;
    Ok(tree)
}

fn text(tree: &Tree, path: &str) -> String {
    let bytes = tree.get(path).unwrap().content().unwrap().load(&NoContent).unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn the_hash_is_openssls() {
    assert_eq!(subject_hash(&decode(PEM.as_bytes()).unwrap()).unwrap(), HASH);
}

#[test]
fn each_certificate_is_linked_listed_and_bundled() {
    let one = "usr/share/ca-certificates/mozilla/A (1),b.crt";
    let tree =
        derived(&[(one, PEM.trim_end()), ("usr/local/share/ca-certificates/Z.crt", PEM)]).unwrap();
    assert!(text(&tree, "etc/ca-certificates.conf").ends_with("\nmozilla/A (1),b.crt\n"));
    assert_eq!(text(&tree, "etc/ssl/certs/ca-certificates.crt"), PEM.repeat(2));
    let link = |path: &str| match &tree.get(path).unwrap().kind {
        Kind::Symlink(target) => target.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(link("etc/ssl/certs/A_=1=_b.pem"), format!("/{one}"));
    assert_eq!(link("etc/ssl/certs/Z.pem"), "/usr/local/share/ca-certificates/Z.crt");
    assert_eq!(link(&format!("etc/ssl/certs/{HASH}.0")), "A_=1=_b.pem");
    assert!(tree.get(&format!("etc/ssl/certs/{HASH}.1")).is_none(), "the same one only once");
}

#[test]
fn a_file_that_is_no_certificate_is_an_error() {
    for text in ["", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "x"] {
        let error = derived(&[("usr/share/ca-certificates/a.crt", text)]).unwrap_err();
        assert!(matches!(error, CertificateError::NotACertificate { .. }), "{text:?}");
    }
}

#[test]
fn any_bytes_are_a_certificate_or_none() {
    let der = decode(PEM.as_bytes()).unwrap();
    for at in 0..der.len().min(200) {
        for flip in [1, 0x80, 0xff] {
            let mut broken = der.clone();
            broken[at] ^= flip;
            let _either = subject_hash(&broken);
        }
        let _either = subject_hash(&der[..at]);
    }
}

#[test]
fn base64_is_read_with_and_without_padding() {
    assert_eq!(base64("aGVs\nbG8=").unwrap(), b"hello");
    assert_eq!(base64("aGVsbG8").unwrap(), b"hello");
    assert_eq!(base64("aGV%"), None);
}
