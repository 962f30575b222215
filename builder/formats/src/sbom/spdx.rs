//! SPDX 2.3 in JSON (the specification's sections 6 to 11 and its JSON schema).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{Bill, Component, File, Origin, hex, text};

/// Writes the bill as an SPDX 2.3 document.
#[must_use]
pub fn spdx(bill: &Bill) -> String {
    let mut ids = Ids::default();
    let mut packages = vec![image_package(bill)];
    let mut files = Vec::new();
    let mut relations = vec![relation("SPDXRef-DOCUMENT", "DESCRIBES", "SPDXRef-Image")];
    let mut sources = BTreeMap::new();
    for component in &bill.components {
        let id = ids.make("Package", &component.name);
        packages.push(package(component, &id));
        relations.push(relation("SPDXRef-Image", "CONTAINS", &id));
        if let Some((name, source)) = source_package(component) {
            let source_id = format!("SPDXRef-Source-{}", plain(&name));
            relations.push(relation(&id, "GENERATED_FROM", &source_id));
            sources.insert(source_id, source);
        }
        for each in &component.files {
            let file_id = ids.make("File", &each.path);
            files.push(file(each, &file_id));
            relations.push(relation(&id, "CONTAINS", &file_id));
        }
    }
    packages.extend(sources.into_iter().map(|(id, source)| with_id(source, &id)));
    text(&json!({
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": format!("{}-{}", bill.image, bill.version),
        "documentNamespace": format!("https://spdx.org/spdxdocs/ashlar-{}-{}", bill.image, bill.identity),
        "creationInfo": {
            "created": bill.created,
            "creators": [format!("Tool: ashlar-{}", bill.builder)],
        },
        "packages": packages,
        "files": files,
        "relationships": relations,
        "hasExtractedLicensingInfos": extracted(bill),
    }))
}

/// Gives every element an identifier of the letters SPDX allows, and each its own.
#[derive(Default)]
struct Ids {
    taken: BTreeSet<String>,
}

impl Ids {
    fn make(&mut self, kind: &str, name: &str) -> String {
        let base = format!("SPDXRef-{kind}-{}", plain(name));
        let mut id = base.clone();
        let mut further = 1_u32;
        while !self.taken.insert(id.clone()) {
            further += 1;
            id = format!("{base}-{further}");
        }
        id
    }
}

fn plain(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' }).collect()
}

fn relation(from: &str, kind: &str, to: &str) -> Value {
    json!({ "spdxElementId": from, "relationshipType": kind, "relatedSpdxElement": to })
}

fn image_package(bill: &Bill) -> Value {
    json!({
        "SPDXID": "SPDXRef-Image",
        "name": bill.image,
        "versionInfo": bill.version,
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": false,
        "primaryPackagePurpose": "OPERATING-SYSTEM",
        "licenseConcluded": "NOASSERTION",
        "licenseDeclared": "NOASSERTION",
        "copyrightText": "NOASSERTION",
    })
}

fn package(component: &Component, id: &str) -> Value {
    let mut value = json!({
        "SPDXID": id,
        "name": component.name,
        "versionInfo": component.version,
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": false,
        "licenseConcluded": "NOASSERTION",
        "licenseDeclared": component.licence,
        "copyrightText": "NOASSERTION",
    });
    let Some(fields) = value.as_object_mut() else { return value };
    if let Origin::Debian { sha256, .. } = &component.origin {
        let sum = json!([{ "algorithm": "SHA256", "checksumValue": sha256.to_string() }]);
        fields.insert("checksums".into(), sum);
        fields.insert("supplier".into(), json!("Organization: Debian"));
    }
    if let Some(purl) = component.purl() {
        let reference = json!([{
            "referenceCategory": "PACKAGE-MANAGER",
            "referenceType": "purl",
            "referenceLocator": purl,
        }]);
        fields.insert("externalRefs".into(), reference);
    }
    value
}

fn source_package(component: &Component) -> Option<(String, Value)> {
    let Origin::Debian { source, source_version, .. } = &component.origin else { return None };
    let value = json!({
        "name": source,
        "versionInfo": source_version,
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": false,
        "primaryPackagePurpose": "SOURCE",
        "supplier": "Organization: Debian",
        "licenseConcluded": "NOASSERTION",
        "licenseDeclared": "NOASSERTION",
        "copyrightText": "NOASSERTION",
    });
    Some((format!("{source}-{source_version}"), value))
}

fn with_id(mut value: Value, id: &str) -> Value {
    if let Some(fields) = value.as_object_mut() {
        fields.insert("SPDXID".into(), json!(id));
    }
    value
}

fn file(file: &File, id: &str) -> Value {
    json!({
        "SPDXID": id,
        "fileName": format!("./{}", file.path),
        "checksums": [
            { "algorithm": "SHA1", "checksumValue": hex(&file.sha1) },
            { "algorithm": "SHA256", "checksumValue": file.sha256.to_string() },
        ],
        "licenseConcluded": "NOASSERTION",
        "copyrightText": "NOASSERTION",
    })
}

/// A document must say something about each `LicenseRef-` it uses (section 10).
fn extracted(bill: &Bill) -> Vec<Value> {
    let words = bill.components.iter().flat_map(|c| c.licence.split([' ', '(', ')']));
    let references: BTreeSet<&str> = words.filter(|word| word.starts_with("LicenseRef-")).collect();
    references
        .into_iter()
        .map(|id| {
            json!({
                "licenseId": id,
                "name": id.trim_start_matches("LicenseRef-"),
                "extractedText": "The text stands in the copyright files of the packages that name it.",
            })
        })
        .collect()
}
