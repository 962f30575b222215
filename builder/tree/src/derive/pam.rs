//! `/etc/pam.d/common-*`, as `pam-auth-update(8)` makes them on a system where nobody chose.
//!
//! Packages describe what they add in `/usr/share/pam-configs`; the profiles with `Default: yes`
//! are taken by falling priority (of equal ones by name). A profile's lines go into the primary
//! block, where the first that succeeds ends it, or into the additional block, where all run. In
//! the primary block `end` becomes the number of lines to jump over, the fallback included. The
//! first profile of a primary block may bring other lines (`Auth-Initial`), since it has no
//! password yet to take over. The blocks fill the places `$auth_primary` and `$auth_additional`
//! of the templates in `/usr/share/pam`.

use std::collections::BTreeMap;

use formats::tree::Content;

use crate::edit::{Edit, EditError, Look};

/// A file, the variable in its template, the field in profiles, and whether people are at it.
struct Stack {
    file: &'static str,
    variable: &'static str,
    field: &'static str,
    keyword: &'static str,
    interactive: bool,
}

const fn stack(
    file: &'static str,
    variable: &'static str,
    field: &'static str,
    keyword: &'static str,
) -> Stack {
    Stack { file, variable, field, keyword, interactive: true }
}

const STACKS: [Stack; 5] = [
    stack("common-account", "account", "Account", "account"),
    stack("common-auth", "auth", "Auth", "auth"),
    stack("common-password", "password", "Password", "password"),
    stack("common-session", "session", "Session", "session"),
    Stack {
        interactive: false,
        ..stack("common-session-noninteractive", "session_nonint", "Session", "session")
    },
];

/// A profile: its fields by name, lines of a field as they stand.
type Profile = BTreeMap<String, Vec<String>>;

/// Writes the files.
pub(crate) fn derive(edit: &mut Edit<'_>) -> Result<(), EditError> {
    let mut profiles = Vec::new();
    let listed = edit.tree.below("usr/share/pam-configs");
    let files: Vec<String> = listed.map(|(path, _)| path.to_owned()).collect();
    for file in files {
        let profile = parse(&edit.text(&file)?);
        if first(&profile, "Default") == Some("yes") {
            profiles.push((priority(&profile), profile));
        }
    }
    profiles.sort_by_key(|(priority, _)| std::cmp::Reverse(*priority));
    let profiles: Vec<&Profile> = profiles.iter().map(|(_, profile)| profile).collect();
    for stack in &STACKS {
        let template = edit.text(&format!("usr/share/pam/{}", stack.file))?;
        let text = filled(&template, stack, &profiles);
        let path = format!("etc/pam.d/{}", stack.file);
        edit.file(&path, Content::inline(text.into_bytes()), Look::root(0o644))?;
    }
    Ok(())
}

fn parse(text: &str) -> Profile {
    let mut profile = Profile::new();
    let mut field = String::new();
    for line in text.lines() {
        if line.starts_with([' ', '\t']) {
            profile.entry(field.clone()).or_default().push(line.trim().to_owned());
        } else if let Some((name, value)) = line.split_once(':') {
            name.clone_into(&mut field);
            let lines = profile.entry(field.clone()).or_default();
            lines.extend(Some(value.trim().to_owned()).filter(|value| !value.is_empty()));
        }
    }
    profile
}

fn first<'a>(profile: &'a Profile, field: &str) -> Option<&'a str> {
    profile.get(field)?.first().map(String::as_str)
}

fn priority(profile: &Profile) -> i64 {
    first(profile, "Priority").and_then(|text| text.parse().ok()).unwrap_or(0)
}

fn filled(template: &str, stack: &Stack, profiles: &[&Profile]) -> String {
    let mut out = String::new();
    for line in template.lines() {
        match line.strip_prefix('$').and_then(|name| name.strip_prefix(stack.variable)) {
            Some("_primary") => out.push_str(&primary(stack, profiles)),
            Some("_additional") => out.push_str(&additional(stack, profiles)),
            _ => {
                out.push_str(line);
                out.push('\n');
            }
        }
    }
    out
}

fn taken<'a>(stack: &Stack, profiles: &[&'a Profile], kind: &str) -> Vec<&'a Profile> {
    let of_kind = |profile: &&&Profile| {
        let people = first(profile, "Session-Interactive-Only") == Some("yes");
        first(profile, &format!("{}-Type", stack.field)) == Some(kind)
            && (stack.interactive || !people)
    };
    profiles.iter().filter(of_kind).copied().collect()
}

fn primary(stack: &Stack, profiles: &[&Profile]) -> String {
    let mut lines: Vec<&str> = Vec::new();
    for profile in taken(stack, profiles, "Primary") {
        let initial = profile.get(&format!("{}-Initial", stack.field));
        let later = profile.get(stack.field);
        let chosen = if lines.is_empty() { initial.or(later) } else { later };
        lines.extend(chosen.into_iter().flatten().map(String::as_str));
    }
    if lines.is_empty() {
        return format!("{}\t[default=1]\t\t\tpam_permit.so\n", stack.keyword);
    }
    let mut out = String::new();
    for (at, line) in lines.iter().enumerate() {
        let jump = lines.len() - at;
        let line = line.replace("=end", &format!("={jump}"));
        out.push_str(&format!("{}\t{}\n", stack.keyword, spaced(&line)));
    }
    out
}

fn additional(stack: &Stack, profiles: &[&Profile]) -> String {
    let taken = taken(stack, profiles, "Additional");
    let mut out = String::new();
    for profile in taken {
        let initial = profile.get(&format!("{}-Initial", stack.field));
        let later = profile.get(stack.field);
        let chosen = if out.is_empty() { initial.or(later) } else { later };
        for line in chosen.into_iter().flatten() {
            out.push_str(&format!("{}\t{}\n", stack.keyword, spaced(line)));
        }
    }
    out
}

/// A line of a profile as the tool writes it: a blank after a module without arguments.
fn spaced(line: &str) -> String {
    let bare = line.split_ascii_whitespace().next_back().is_some_and(|word| word.ends_with(".so"));
    if bare { format!("{line} ") } else { line.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNIX: &str = "Name: Unix\nDefault: yes\nPriority: 256\nAuth-Type: Primary\nAuth:\n\
                        \t[success=end default=ignore]\tpam_unix.so try_first_pass\n\
                        Auth-Initial:\n\t[success=end default=ignore]\tpam_unix.so\n\
                        Session-Type: Additional\nSession:\n\trequired\tpam_unix.so\n";
    const OTHER: &str = "Name: Other\nDefault: yes\nPriority: 300\nAuth-Type: Primary\nAuth:\n\
                         \t[success=end default=ignore]\tpam_other.so\n\
                         Session-Interactive-Only: yes\nSession-Type: Additional\nSession:\n\
                         \toptional\tpam_other.so x\n";

    #[test]
    fn the_primary_block_jumps_behind_the_fallback() {
        let (unix, other) = (parse(UNIX), parse(OTHER));
        let text = filled("a\n$auth_primary\nb\n$auth_additional\n", &STACKS[1], &[&other, &unix]);
        let expect = "a\nauth\t[success=2 default=ignore]\tpam_other.so \n\
                      auth\t[success=1 default=ignore]\tpam_unix.so try_first_pass\nb\n";
        assert_eq!(text, expect);
    }

    #[test]
    fn sessions_without_people_leave_out_what_is_for_people() {
        let (unix, other) = (parse(UNIX), parse(OTHER));
        let with = filled("$session_additional\n", &STACKS[3], &[&other, &unix]);
        assert_eq!(with, "session\toptional\tpam_other.so x\nsession\trequired\tpam_unix.so \n");
        let without = filled("$session_nonint_additional\n", &STACKS[4], &[&other, &unix]);
        assert_eq!(without, "session\trequired\tpam_unix.so \n");
    }

    #[test]
    fn an_empty_primary_block_permits() {
        let text = filled("$session_primary\n", &STACKS[3], &[]);
        assert_eq!(text, "session\t[default=1]\t\t\tpam_permit.so\n");
    }
}
