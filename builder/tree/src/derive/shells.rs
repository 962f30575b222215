//! `/etc/shells`, as `update-shells(8)` of debianutils makes it.
//!
//! The template comes first; then every shell that a package lists in
//! `/usr/share/debianutils/shells.d`, file by file in byte order, under the name it is listed by
//! and under the one where it is after the links of the tree, each once.

use formats::tree::{Content, name, parent};

use crate::edit::{Edit, EditError, Look};
use crate::resolve::{Last, walk};

const TEMPLATE: &str = "usr/share/debianutils/shells";

/// Writes `/etc/shells`.
pub(crate) fn derive(edit: &mut Edit<'_>) -> Result<(), EditError> {
    let template = edit.text(TEMPLATE)?;
    let mut files = vec![TEMPLATE.to_owned()];
    let listed = edit.tree.below("usr/share/debianutils/shells.d");
    files.extend(listed.map(|(path, _)| path.to_owned()));
    let mut shells: Vec<String> = Vec::new();
    let mut add = |shell: String| {
        if !shells.contains(&shell) {
            shells.push(shell);
        }
    };
    for file in files {
        for line in edit.text(&file)?.lines() {
            let shell = line.split('#').next().unwrap_or_default();
            if !shell.is_empty() {
                add(shell.to_owned());
                let place = walk(parent(shell), edit.tree, Last::Follow)?.place;
                add(format!("/{place}/{}", name(shell)));
            }
        }
    }
    let known: Vec<&str> = template.lines().collect();
    let mut text = template.clone();
    for shell in shells.iter().filter(|shell| !known.contains(&shell.as_str())) {
        text.push_str(shell);
        text.push('\n');
    }
    edit.file("etc/shells", Content::inline(text.into_bytes()), Look::root(0o644))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use formats::tree::{NoContent, Tree};

    use super::*;
    use crate::accounts::Accounts;

    #[test]
    fn each_shell_is_listed_under_both_names_once() {
        let (mut tree, accounts) = (Tree::new(), Accounts::new());
        let mut edit =
            Edit { tree: &mut tree, accounts: &accounts, source: &NoContent, origin: "test" };
        let mut file = |path, text: &str| {
            edit.file(path, Content::inline(text.as_bytes()), Look::root(0o644)).unwrap();
        };
        file(TEMPLATE, "# words\n/bin/sh\n");
        file("usr/share/debianutils/shells.d/b", "/usr/bin/dash\n");
        file("usr/share/debianutils/shells.d/a", "/bin/bash # best\n/usr/bin/bash\n");
        file("usr/bin/x", "");
        edit.symlink("bin", "usr/bin").unwrap();
        derive(&mut edit).unwrap();
        let text = edit.text("etc/shells").unwrap();
        // The name ends before the comment, with the blank that stands before it.
        assert!(text.starts_with("# words\n/bin/sh\n/usr/bin/sh\n/bin/bash"), "{text}");
        assert!(text.ends_with("/usr/bin/dash\n"), "{text}");
        assert_eq!(text.matches("/bin/sh\n").count(), 2);
    }
}
