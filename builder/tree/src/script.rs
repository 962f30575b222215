//! What a maintainer script says, as far as it can be told without running it.
//!
//! A script is two things: sections that debhelper generated, each between `# Automatically added
//! by GENERATOR/VERSION` and `# End automatically added section`, and what a maintainer wrote. The
//! generator tells what a section does. What a maintainer wrote is read by a person once, and
//! recognised from then on by its fingerprint.
//!
//! The fingerprint is the SHA-256 of the text without generated sections, blank lines and blanks
//! at line ends. What differs between builds of the same script is written as a variable first:
//! the architecture's library directory (`@multiarch@`), what a rule's pattern stands for in the
//! package's name (`@name@`), and lines that the rule calls varying. Comments count: a false alarm
//! costs a look, a missed change an image that is wrong.

use contract::digest::Digest;

use crate::words;

#[cfg(test)]
mod tests;

/// A script in parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script<'a> {
    /// What debhelper added, in order.
    pub sections: Vec<Section<'a>>,
    /// What the maintainer wrote, line by line, without blank lines.
    pub own: Vec<&'a str>,
}

/// One generated section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section<'a> {
    /// The tool that wrote it: `dh_installsystemd`.
    pub generator: &'a str,
    /// Its lines.
    pub lines: Vec<&'a str>,
}

/// A generated section does not end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenSection {
    /// The tool that wrote it.
    pub generator: String,
}

/// What stands for text that differs between builds.
#[derive(Debug, Clone, Copy, Default)]
pub struct Variables<'a> {
    /// The architecture's library directory: `x86_64-linux-gnu`.
    pub multiarch: &'a str,
    /// What the star in a rule's pattern stands for in the package's name; empty without one.
    pub name: &'a str,
    /// Lines that begin so are left out.
    pub varying: &'a [String],
}

/// Takes a script apart.
///
/// # Errors
/// A generated section has no end.
pub fn parse(text: &str) -> Result<Script<'_>, OpenSection> {
    let mut script = Script { sections: Vec::new(), own: Vec::new() };
    let mut open: Option<Section<'_>> = None;
    for line in text.lines() {
        let bare = line.trim();
        match open.as_mut() {
            Some(_) if bare.starts_with("# End automatically added section") => {
                script.sections.extend(open.take());
            }
            Some(section) => section.lines.push(line.trim_end()),
            None => match bare.strip_prefix("# Automatically added by ") {
                Some(by) => {
                    let generator = by.split('/').next().unwrap_or(by).trim();
                    open = Some(Section { generator, lines: Vec::new() });
                }
                None if bare.is_empty() => {}
                None => script.own.push(line.trim_end()),
            },
        }
    }
    match open {
        Some(section) => Err(OpenSection { generator: section.generator.to_owned() }),
        None => Ok(script),
    }
}

impl Script<'_> {
    /// Whether nothing is left beside generated sections that could do anything.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        let idle = |line: &&str| {
            let line = line.trim();
            line.starts_with('#')
                || matches!(line, "set -e" | "set -eu" | "set -u" | "set +e" | "exit 0" | ":")
                || line == ". /usr/share/debconf/confmodule"
        };
        self.own.iter().all(idle)
    }

    /// The fingerprint of what the maintainer wrote.
    #[must_use]
    pub fn fingerprint(&self, variables: Variables<'_>) -> Digest {
        let mut text = String::new();
        for line in &self.own {
            if variables.varying.iter().any(|start| line.trim_start().starts_with(start.as_str())) {
                continue;
            }
            let line = replaced(line, variables.multiarch, "@multiarch@");
            text.push_str(&replaced(&line, variables.name, "@name@"));
            text.push('\n');
        }
        Digest::of(text.as_bytes())
    }

    /// The script's commands of this name, in generated sections and in what the maintainer wrote,
    /// each as its words. Continued lines are put together.
    ///
    /// # Errors
    /// The first command whose words depend on a variable or a substitution, as written.
    pub fn commands(&self, name: &str) -> Result<Vec<Vec<String>>, String> {
        let generated = self.sections.iter().flat_map(|section| section.lines.iter());
        let mut found = Vec::new();
        for command in joined(generated.chain(&self.own)) {
            let Some(from) = command.find(name) else { continue };
            let before = command.get(..from).unwrap_or_default();
            let rest = command.get(from..).unwrap_or_default();
            if before.trim_start().starts_with('#') || !ends_a_word(before) {
                continue;
            }
            let own = rest.split("||").next().unwrap_or_default();
            let own = own.split("&&").next().unwrap_or_default().trim_end_matches([';', ' ']);
            let words = words::split(own).map_err(|_| command.clone())?;
            if words.first().map(String::as_str) != Some(name) {
                continue;
            }
            if words.iter().any(|word| word.contains(['$', '`'])) {
                return Err(command);
            }
            found.push(words);
        }
        Ok(found)
    }
}

impl Section<'_> {
    /// The arguments of this command that end so: the `.conf` files of `systemd-tmpfiles`.
    #[must_use]
    pub fn arguments(&self, command: &str, suffix: &str) -> Vec<String> {
        let mut files = Vec::new();
        for line in joined(self.lines.iter()) {
            let Some((before, rest)) = line.split_once(command) else { continue };
            let ends_word = rest.is_empty() || rest.starts_with([' ', '\t']);
            if before.trim_start().starts_with('#') || !ends_a_word(before) || !ends_word {
                continue;
            }
            let own = rest.split("||").next().unwrap_or_default();
            let words = own.split_ascii_whitespace().map(|word| word.trim_matches(['"', '\'']));
            files.extend(words.filter(|word| word.ends_with(suffix)).map(str::to_owned));
        }
        files
    }
}

/// Whether a command may begin after this text.
fn ends_a_word(before: &str) -> bool {
    before.chars().next_back().is_none_or(|last| last.is_whitespace() || matches!(last, ';' | '('))
}

fn joined<'a>(lines: impl Iterator<Item = &'a &'a str>) -> Vec<String> {
    let mut commands = Vec::new();
    let mut open = String::new();
    for line in lines {
        match line.strip_suffix('\\') {
            Some(part) => {
                open.push_str(part);
                open.push(' ');
            }
            None => {
                open.push_str(line);
                commands.push(std::mem::take(&mut open));
            }
        }
    }
    commands.push(open);
    commands
}

fn replaced(line: &str, what: &str, with: &str) -> String {
    if what.is_empty() { line.to_owned() } else { line.replace(what, with) }
}
