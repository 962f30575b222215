//! CycloneDX 1.6 in JSON (ECMA-424).

use serde_json::{Value, json};

use super::{Bill, Component, File, Origin, hex, text};

/// Writes the bill as a CycloneDX 1.6 document.
#[must_use]
pub fn cyclonedx(bill: &Bill) -> String {
    let root = format!("image:{}@{}", bill.image, bill.version);
    let components: Vec<Value> = bill.components.iter().map(component).collect();
    let depends: Vec<String> = bill.components.iter().map(reference).collect();
    text(&json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": format!("urn:uuid:{}", serial(bill)),
        "version": 1,
        "metadata": {
            "timestamp": bill.created,
            "tools": { "components": [
                { "type": "application", "name": "ashlar", "version": bill.builder },
            ] },
            "component": {
                "type": "operating-system",
                "bom-ref": root,
                "name": bill.image,
                "version": bill.version,
            },
        },
        "components": components,
        "dependencies": [{ "ref": root, "dependsOn": depends }],
    }))
}

/// A UUID that follows from the identity: version 8, "custom" (RFC 9562, section 5.8).
fn serial(bill: &Bill) -> contract::partition::Guid {
    let mut bytes = [0_u8; 16];
    bytes.iter_mut().zip(bill.identity.as_bytes()).for_each(|(to, from)| *to = *from);
    let value = u128::from_be_bytes(bytes);
    let version = (value & !(0xf << 76)) | 8 << 76;
    contract::partition::Guid((version & !(0b11 << 62)) | 0b10 << 62)
}

fn reference(component: &Component) -> String {
    component.purl().unwrap_or_else(|| format!("ashlar:{}@{}", component.name, component.version))
}

fn component(component: &Component) -> Value {
    let mut value = json!({
        "type": "library",
        "bom-ref": reference(component),
        "name": component.name,
        "version": component.version,
        "components": component.files.iter().map(file).collect::<Vec<_>>(),
    });
    let Some(fields) = value.as_object_mut() else { return value };
    if component.licence != "NOASSERTION" {
        fields.insert("licenses".into(), json!([{ "expression": component.licence }]));
    }
    if let Some(purl) = component.purl() {
        fields.insert("purl".into(), json!(purl));
    }
    if let Origin::Debian { source, source_version, sha256, .. } = &component.origin {
        let hash = json!([{ "alg": "SHA-256", "content": sha256.to_string() }]);
        fields.insert("hashes".into(), hash);
        let pedigree = json!({ "ancestors": [
            { "type": "library", "name": source, "version": source_version },
        ] });
        fields.insert("pedigree".into(), pedigree);
        fields.insert("supplier".into(), json!({ "name": "Debian" }));
    }
    value
}

fn file(file: &File) -> Value {
    json!({
        "type": "file",
        "name": format!("/{}", file.path),
        "hashes": [
            { "alg": "SHA-256", "content": file.sha256.to_string() },
            { "alg": "SHA-1", "content": hex(&file.sha1) },
        ],
    })
}
