use serde_json::Value;

use super::*;

fn bill() -> Bill {
    let files = vec![
        File { path: "usr/bin/a+b".into(), sha256: Digest::of(b"a"), sha1: [1; 20] },
        File { path: "usr/bin/a-b".into(), sha256: Digest::of(b"b"), sha1: [2; 20] },
    ];
    let origin = Origin::Debian {
        architecture: "amd64".into(),
        source: "lib".into(),
        source_version: "1:2.0+x~1".into(),
        distribution: "trixie".into(),
        sha256: Digest::of(b"deb"),
    };
    let library = Component {
        name: "lib1".into(),
        version: "1:2.0+x~1".into(),
        origin,
        licence: "(MIT OR LicenseRef-own) AND ISC".into(),
        files,
    };
    let ours = Component {
        name: "ashlar".into(),
        version: "0.1.0".into(),
        origin: Origin::Ashlar,
        licence: "Apache-2.0".into(),
        files: Vec::new(),
    };
    Bill {
        image: "minimal".into(),
        version: "1".into(),
        identity: Digest::of(b"in"),
        created: "2026-01-02T03:04:05Z".into(),
        builder: "0.1.0".into(),
        components: vec![ours, library],
    }
}

#[test]
fn package_urls_are_percent_encoded_and_name_their_source() {
    let urls: Vec<_> = bill().components.iter().map(Component::purl).collect();
    let expect = "pkg:deb/debian/lib1@1%3A2.0%2Bx~1?arch=amd64&distro=trixie&upstream=lib";
    assert_eq!(urls, [None, Some(expect.to_owned())]);
}

#[test]
fn every_spdx_element_has_its_own_identifier() {
    let document: Value = serde_json::from_str(&spdx(&bill())).unwrap();
    let elements = document["packages"].as_array().unwrap().iter();
    let ids: Vec<&str> = elements
        .chain(document["files"].as_array().unwrap())
        .map(|element| element["SPDXID"].as_str().unwrap())
        .collect();
    let unique: std::collections::BTreeSet<_> = ids.iter().collect();
    assert_eq!(unique.len(), ids.len(), "{ids:?}");
    for relation in document["relationships"].as_array().unwrap() {
        let to = relation["relatedSpdxElement"].as_str().unwrap();
        assert!(ids.contains(&to), "{to} is related to and not there");
    }
}

#[test]
fn spdx_explains_each_licence_it_only_refers_to() {
    let document: Value = serde_json::from_str(&spdx(&bill())).unwrap();
    assert_eq!(document["hasExtractedLicensingInfos"][0]["licenseId"], "LicenseRef-own");
}

#[test]
fn cyclonedx_lists_every_file_below_its_package() {
    let document: Value = serde_json::from_str(&cyclonedx(&bill())).unwrap();
    assert_eq!(document["components"][1]["components"].as_array().unwrap().len(), 2);
    let serial = document["serialNumber"].as_str().unwrap();
    assert_eq!(&serial[9 + 14..9 + 15], "8", "{serial} is no version 8 UUID");
}
