//! Every key that a declaration may have. The reader refuses what is not here, and the reference
//! in `docs/RECIPES.md` is tested against it.

/// A table of a declaration.
#[derive(Debug)]
pub struct Section {
    /// As in a sentence: `a recipe`.
    pub title: &'static str,
    /// How it is written: `[[entry]]`; empty for the top of a file.
    pub header: &'static str,
    /// Its keys, in the order of the reference.
    pub keys: &'static [&'static str],
}

/// All sections, in the order of the reference.
pub const SECTIONS: &[&Section] = &[
    &RECIPE,
    &NEED,
    &PACKAGE,
    &ENTRY,
    &FILE,
    &PROGRAM,
    &USER,
    &GROUP,
    &KERNEL,
    &MODULES,
    &ARGUMENT,
    &BOOT,
    &LEAVE_OUT,
    &PRIVILEGED,
    &EXCEPTION,
    &IMAGE,
    &SLOTS,
    &BUDGETS,
    &COMPRESSION,
    &LEVEL,
    &SUITE,
];

pub(crate) const RECIPE: Section = Section {
    title: "a recipe",
    header: "",
    keys: &[
        "summary",
        "needs",
        "packages",
        "entry",
        "file",
        "program",
        "user",
        "group",
        "kernel",
        "boot",
        "sysctl",
        "service",
        "leave-out",
        "privileged",
        "exception",
    ],
};

pub(crate) const NEED: Section =
    Section { title: "a needed recipe", header: "needs = [{ … }]", keys: &["name", "arch"] };

pub(crate) const PACKAGE: Section = Section {
    title: "a package",
    header: "packages = [{ … }]",
    keys: &["name", "suite", "for", "dependencies", "arch"],
};

pub(crate) const ENTRY: Section = Section {
    title: "an entry point",
    header: "[[entry]]",
    keys: &["paths", "why", "dlopen", "optional", "arch"],
};

pub(crate) const FILE: Section = Section {
    title: "a file",
    header: "[[file]]",
    keys: &[
        "path",
        "content",
        "source",
        "symlink",
        "directory",
        "mode",
        "user",
        "group",
        "replaces",
        "arch",
    ],
};

pub(crate) const PROGRAM: Section =
    Section { title: "a program", header: "[[program]]", keys: &["name", "path", "initrd"] };

pub(crate) const USER: Section = Section {
    title: "a user",
    header: "[[user]]",
    keys: &["name", "uid", "group", "groups", "home", "shell", "comment"],
};

pub(crate) const GROUP: Section =
    Section { title: "a group", header: "[[group]]", keys: &["name", "gid"] };

pub(crate) const KERNEL: Section =
    Section { title: "the kernel's table", header: "[kernel]", keys: &["modules", "arguments"] };

pub(crate) const MODULES: Section = Section {
    title: "a set of modules",
    header: "[[kernel.modules]]",
    keys: &["names", "why", "initrd", "load", "optional", "arch"],
};

pub(crate) const ARGUMENT: Section = Section {
    title: "a kernel argument",
    header: "kernel.arguments = [{ … }]",
    keys: &["text", "arch"],
};

pub(crate) const BOOT: Section =
    Section { title: "a boot part", header: "[[boot]]", keys: &["part", "path", "arch"] };

pub(crate) const LEAVE_OUT: Section = Section {
    title: "what is left out",
    header: "[[leave-out]]",
    keys: &["packages", "paths", "why", "arch"],
};

pub(crate) const PRIVILEGED: Section =
    Section { title: "a privileged file", header: "[[privileged]]", keys: &["paths", "why"] };

pub(crate) const EXCEPTION: Section = Section {
    title: "an accepted finding",
    header: "[[exception]]",
    keys: &["lint", "paths", "why"],
};

pub(crate) const IMAGE: Section = Section {
    title: "an image",
    header: "",
    keys: &[
        "summary",
        "kind",
        "recipes",
        "firmware",
        "architectures",
        "targets",
        "outputs",
        "slots",
        "budgets",
        "compression",
        "suite",
    ],
};

pub(crate) const SLOTS: Section =
    Section { title: "the slots", header: "[slots]", keys: &["root", "verity", "esp", "state"] };

pub(crate) const BUDGETS: Section = Section {
    title: "the budgets",
    header: "[budgets]",
    keys: &["root", "uki", "uki-aarch64", "init"],
};

pub(crate) const COMPRESSION: Section =
    Section { title: "the compression", header: "[compression]", keys: &["dev", "release"] };

pub(crate) const LEVEL: Section = Section {
    title: "a compression level",
    header: "compression.dev = { … }",
    keys: &["codec", "level", "cluster"],
};

pub(crate) const SUITE: Section = Section {
    title: "a suite",
    header: "[[suite]]",
    keys: &["name", "archive", "components", "only-by-name"],
};
