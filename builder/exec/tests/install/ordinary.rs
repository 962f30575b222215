//! The ordinary way: `mmdebstrap`, with every maintainer script.

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use contract::digest::Digest;
use packages::deb;
use tar::EntryType;

use super::listing::{Entry, Kind, Listing, names};
use super::ours::Packages;

/// Fields of a package that apt and dpkg decide by.
const FIELDS: [&str; 14] = [
    "Package",
    "Version",
    "Architecture",
    "Essential",
    "Multi-Arch",
    "Priority",
    "Pre-Depends",
    "Depends",
    "Conflicts",
    "Breaks",
    "Replaces",
    "Provides",
    "Maintainer",
    "Description",
];

/// Installs the packages with `mmdebstrap` into an archive, and lists it.
pub fn installed(packages: &Packages) -> Listing {
    let folder = tempfile::tempdir().unwrap();
    // Without root, the installer works as another user.
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    repository(packages, folder.path());
    let names: Vec<&str> = packages.debs.iter().map(|(name, _)| name.as_str()).collect();
    let out = folder.path().join("installed.tar");
    let output = Command::new("mmdebstrap")
        .args(["--variant=essential", "--format=tar", "--dpkgopt=force-unsafe-io"])
        .arg(format!("--include={}", names.join(",")))
        .arg("trixie")
        .arg(&out)
        .arg(format!("deb [trusted=yes] copy:{} ./", folder.path().display()))
        .env("LC_ALL", "C.UTF-8")
        .env("TMPDIR", folder.path())
        .output()
        .unwrap_or_else(|error| panic!("mmdebstrap: {error}; it is a package of Debian"));
    let printed = String::from_utf8_lossy(&output.stderr);
    let end: String = printed.chars().skip(printed.chars().count().saturating_sub(4000)).collect();
    assert!(output.status.success(), "mmdebstrap: {}\n{end}", output.status);
    listing(&out)
}

/// A directory that apt takes packages from: the packages and a list of them.
fn repository(packages: &Packages, folder: &Path) {
    let mut list = String::new();
    for (name, digest) in &packages.debs {
        let bytes = packages.store.get(digest).unwrap().unwrap().read().unwrap();
        let (control, _) = deb::open(&*bytes, deb::Limits::ARCHIVE).unwrap();
        for field in FIELDS {
            if let Some(value) = control.fields().get(field) {
                list += &format!("{field}: {}\n", value.lines().next().unwrap_or_default());
            }
        }
        list += &format!("Filename: ./{name}.deb\nSize: {}\nSHA256: {digest}\n\n", bytes.len());
        fs::write(folder.join(format!("{name}.deb")), bytes).unwrap();
    }
    // Essential packages are looked for in the suite by its name.
    let digest = Digest::of(list.as_bytes());
    let release = format!(
        "Suite: trixie\nCodename: trixie\nArchitectures: amd64\nSHA256:\n {digest} {} Packages\n",
        list.len()
    );
    fs::write(folder.join("Release"), release).unwrap();
    fs::write(folder.join("Packages"), list).unwrap();
}

fn listing(archive: &Path) -> Listing {
    let mut listing = Listing::default();
    let mut owners = Vec::new();
    let mut archive = tar::Archive::new(File::open(archive).unwrap());
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let path = String::from_utf8(entry.path_bytes().to_vec()).unwrap();
        let path = path.trim_start_matches("./").trim_end_matches('/').to_owned();
        if path.is_empty() {
            continue;
        }
        let capability = capability(&mut entry);
        let header = entry.header().clone();
        let target = entry.link_name_bytes().map(|target| target.to_vec()).unwrap_or_default();
        let target = String::from_utf8(target).unwrap();
        let kind = match header.entry_type() {
            EntryType::Directory => Kind::Directory,
            EntryType::Symlink => Kind::Symlink(target),
            EntryType::Link => listing.entries[target.trim_start_matches("./")].kind.clone(),
            EntryType::Regular => {
                let mut bytes = Vec::new();
                entry.read_to_end(&mut bytes).unwrap();
                let digest = Digest::of(&bytes);
                if path.starts_with("etc/") {
                    listing.contents.insert(path.clone(), bytes);
                }
                Kind::File(digest)
            }
            _ => Kind::Special,
        };
        let mode = header.mode().unwrap() & 0o7777;
        owners.push((path.clone(), header.uid().unwrap(), header.gid().unwrap()));
        listing.entries.insert(path, Entry { kind, mode, owner: String::new(), capability });
    }
    let (users, groups) = (names(listing.bytes("etc/passwd")), names(listing.bytes("etc/group")));
    for (path, uid, gid) in owners {
        let name = |names: &std::collections::BTreeMap<u64, String>, number| {
            names.get(&number).cloned().unwrap_or_else(|| number.to_string())
        };
        let owner = format!("{}:{}", name(&users, uid), name(&groups, gid));
        listing.entries.get_mut(&path).unwrap().owner = owner;
    }
    listing
}

fn capability(entry: &mut tar::Entry<'_, File>) -> Option<Vec<u8>> {
    let extensions = entry.pax_extensions().unwrap()?;
    let found = extensions
        .flatten()
        .find(|extension| extension.key_bytes() == b"SCHILY.xattr.security.capability")?;
    Some(found.value_bytes().to_vec())
}
