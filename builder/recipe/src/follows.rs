//! Files of the root that follow from what is declared: what PID 1 reads at start.
//!
//! | file | from |
//! |---|---|
//! | `usr/lib/ashlar/services/NAME.toml` | `[service.NAME]` |
//! | `usr/lib/modules-load.d/ashlar.conf` | `[[kernel.modules]]` with `load` |
//! | `usr/lib/sysctl.d/ashlar.conf` | `[sysctl]` |
//!
//! The last two are in the forms of `modules-load.d(5)` and `sysctl.d(5)`. A file that would be
//! empty is not made.

use std::sync::Arc;

use crate::assembly::Assembly;
use crate::declared::{FileDecl, FileKind, ModuleDecl};
use crate::place::Place;

impl Assembly {
    /// The files, by path.
    #[must_use]
    pub fn follows(&self) -> Vec<FileDecl> {
        let mut files: Vec<FileDecl> = self
            .services
            .iter()
            .map(|service| file(&service.path(), service.text.clone(), &service.place))
            .collect();
        let loaded = self.modules.iter().filter(|module| module.load && !module.initrd);
        if let Some(first) = loaded.clone().next() {
            let path = "usr/lib/modules-load.d/ashlar.conf";
            files.push(file(path, lines(loaded), &first.place));
        }
        if let Some(first) = self.sysctls.first() {
            let line =
                |sysctl: &crate::declared::Sysctl| format!("{} = {}\n", sysctl.key, sysctl.value);
            let text = self.sysctls.iter().map(line).collect();
            files.push(file("usr/lib/sysctl.d/ashlar.conf", text, &first.place));
        }
        files.sort_by(|a, b| a.path.cmp(&b.path));
        files
    }

    /// The modules that the initrd loads whatever devices there are, one name a line.
    #[must_use]
    pub fn initrd_loads(&self) -> String {
        lines(self.modules.iter().filter(|module| module.load && module.initrd))
    }
}

fn lines<'m>(modules: impl Iterator<Item = &'m ModuleDecl>) -> String {
    modules.filter_map(|module| module.pattern.name()).map(|name| format!("{name}\n")).collect()
}

fn file(path: &str, text: String, place: &Place) -> FileDecl {
    FileDecl {
        path: path.to_owned(),
        kind: FileKind::Regular(Arc::from(text.into_bytes())),
        mode: 0o644,
        user: "root".to_owned(),
        group: "root".to_owned(),
        replaces: false,
        arch: None,
        place: place.clone(),
    }
}
