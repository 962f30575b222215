//! What makes two declarations the same thing, and when they agree.

use contract::arch::Arch;

use crate::declared::{
    BootPart, Entry, Exception, FileDecl, Group, LeaveOut, ModuleDecl, Omission, Package,
    Privileged, Program, Purpose, Service, Sysctl, User,
};
use crate::place::Place;

/// Something that several recipes may declare.
pub(super) trait Declared: Clone {
    /// What it is, in a message.
    const WHAT: &'static str;
    /// What it is called, in a message.
    fn name(&self) -> String;
    /// What two declarations of the same thing have in common.
    fn key(&self) -> String {
        self.name()
    }
    fn place(&self) -> &Place;
    /// The only architecture it is for.
    fn arch(&self) -> Option<Arch> {
        None
    }
    /// Takes what the other adds; false when the two contradict one another.
    fn join(&mut self, other: &Self) -> bool;
}

/// Whether two are equal but for their places.
macro_rules! same {
    ($this:ident, $other:ident) => {{
        let mut other = $other.clone();
        other.place.clone_from(&$this.place);
        *$this == other
    }};
}

impl Declared for Package {
    const WHAT: &'static str = "package";
    fn name(&self) -> String {
        self.name.clone()
    }
    fn key(&self) -> String {
        let target = match (self.purpose, self.arch) {
            (Purpose::Image, _) => "image",
            (Purpose::Build, _) => "build",
            (Purpose::Target, None) => "target",
            (Purpose::Target, Some(arch)) => arch.name(),
        };
        format!("{} {target}", self.name)
    }
    fn place(&self) -> &Place {
        &self.place
    }
    fn arch(&self) -> Option<Arch> {
        if self.purpose == Purpose::Target { None } else { self.arch }
    }
    fn join(&mut self, other: &Self) -> bool {
        self.suite == other.suite && self.dependencies == other.dependencies
    }
}

impl Declared for Entry {
    const WHAT: &'static str = "entry point";
    fn name(&self) -> String {
        self.path.to_string()
    }
    fn place(&self) -> &Place {
        &self.place
    }
    fn arch(&self) -> Option<Arch> {
        self.arch
    }
    fn join(&mut self, other: &Self) -> bool {
        self.dlopen.extend(other.dlopen.iter().cloned());
        self.dlopen.sort();
        self.dlopen.dedup();
        self.optional &= other.optional;
        true
    }
}

impl Declared for FileDecl {
    const WHAT: &'static str = "file";
    fn name(&self) -> String {
        format!("/{}", self.path)
    }
    fn place(&self) -> &Place {
        &self.place
    }
    fn arch(&self) -> Option<Arch> {
        self.arch
    }
    fn join(&mut self, other: &Self) -> bool {
        same!(self, other)
    }
}

impl Declared for Program {
    const WHAT: &'static str = "program";
    fn name(&self) -> String {
        format!("/{}", self.path)
    }
    fn place(&self) -> &Place {
        &self.place
    }
    fn join(&mut self, other: &Self) -> bool {
        same!(self, other)
    }
}

impl Declared for User {
    const WHAT: &'static str = "user";
    fn name(&self) -> String {
        self.name.clone()
    }
    fn place(&self) -> &Place {
        &self.place
    }
    fn join(&mut self, other: &Self) -> bool {
        same!(self, other)
    }
}

impl Declared for Group {
    const WHAT: &'static str = "group";
    fn name(&self) -> String {
        self.name.clone()
    }
    fn place(&self) -> &Place {
        &self.place
    }
    fn join(&mut self, other: &Self) -> bool {
        same!(self, other)
    }
}

impl Declared for ModuleDecl {
    const WHAT: &'static str = "module";
    fn name(&self) -> String {
        self.pattern.to_string()
    }
    fn place(&self) -> &Place {
        &self.place
    }
    fn arch(&self) -> Option<Arch> {
        self.arch
    }
    fn join(&mut self, other: &Self) -> bool {
        self.initrd |= other.initrd;
        self.load |= other.load;
        self.optional &= other.optional;
        true
    }
}

impl Declared for BootPart {
    const WHAT: &'static str = "boot part";
    fn name(&self) -> String {
        self.part.word().to_owned()
    }
    fn place(&self) -> &Place {
        &self.place
    }
    fn arch(&self) -> Option<Arch> {
        self.arch
    }
    fn join(&mut self, other: &Self) -> bool {
        self.path == other.path
    }
}

impl Declared for Sysctl {
    const WHAT: &'static str = "kernel setting";
    fn name(&self) -> String {
        self.key.clone()
    }
    fn place(&self) -> &Place {
        &self.place
    }
    fn join(&mut self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl Declared for Service {
    const WHAT: &'static str = "service";
    fn name(&self) -> String {
        self.name.to_string()
    }
    fn place(&self) -> &Place {
        &self.place
    }
    fn arch(&self) -> Option<Arch> {
        self.arch
    }
    fn join(&mut self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Declared for LeaveOut {
    const WHAT: &'static str = "omission";
    fn name(&self) -> String {
        match &self.what {
            Omission::Package(name) => name.clone(),
            Omission::Path(glob) => format!("/{glob}"),
        }
    }
    fn place(&self) -> &Place {
        &self.place
    }
    fn arch(&self) -> Option<Arch> {
        self.arch
    }
    fn join(&mut self, _: &Self) -> bool {
        true
    }
}

impl Declared for Privileged {
    const WHAT: &'static str = "privileged file";
    fn name(&self) -> String {
        self.path.to_string()
    }
    fn place(&self) -> &Place {
        &self.place
    }
    fn join(&mut self, _: &Self) -> bool {
        true
    }
}

impl Declared for Exception {
    const WHAT: &'static str = "accepted finding";
    fn name(&self) -> String {
        format!("{} /{}", self.lint, self.path)
    }
    fn place(&self) -> &Place {
        &self.place
    }
    fn join(&mut self, _: &Self) -> bool {
        true
    }
}
