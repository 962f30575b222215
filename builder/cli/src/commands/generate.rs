//! `ashlar completions`, `ashlar man` and the page `docs/CLI.md`: from the same description of
//! the command line that reads it.

use clap::CommandFactory;
use exec::failure::Failure;

use crate::arguments::{Arguments, Completions, Man};
use crate::say;

pub(super) fn completions(asked: &Completions) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(asked.shell, &mut Arguments::command(), "ashlar", &mut script);
    say::plain(&String::from_utf8_lossy(&script))
}

pub(super) fn manual(asked: &Man) -> Result<(), Failure> {
    let refused = |error: std::io::Error| {
        Failure::machine(format!("writing manual pages to `{}`", asked.folder.display()))
            .because(error)
    };
    std::fs::create_dir_all(&asked.folder).map_err(refused)?;
    clap_mangen::generate_to(Arguments::command(), &asked.folder).map_err(refused)
}

/// What exit codes mean, for the page.
#[cfg(test)]
const EXIT_CODES: &str = "\
| exit code | whose turn it is |
|---|---|
| 0 | nobody's: it is done |
| 2 | the asker's: a declaration, an option or a path is wrong |
| 3 | the machine's: its disk, its network or a program refused |
| 4 | the sender's: something arrived that is not what was promised |
| 70 | ours: report it |
";

/// The page about the command line.
#[cfg(test)]
fn reference() -> String {
    let mut command = Arguments::command().term_width(100);
    command.build();
    let mut text = format!(
        "# The command line\n\nMade from the program itself; a test compares it. Results go to \
         standard output, everything else to standard error; with `--format json` both are JSON.\n\n\
         {EXIT_CODES}\n```text\n{}```\n",
        command.render_help()
    );
    let names: Vec<String> =
        command.get_subcommands().map(|each| each.get_name().to_owned()).collect();
    for name in names.iter().filter(|name| *name != "help") {
        let Some(each) = command.find_subcommand_mut(name) else { continue };
        let mut help = each.clone().disable_help_flag(true).disable_version_flag(true);
        let own = |argument: &clap::Arg| argument.is_global_set();
        let globals: Vec<clap::Id> = help
            .get_arguments()
            .filter(|argument| own(argument))
            .map(|argument| argument.get_id().clone())
            .collect();
        for id in globals {
            help = help.mut_arg(id, |argument| argument.hide(true));
        }
        text.push_str(&format!("\n## ashlar {name}\n\n```text\n{}```\n", help.render_help()));
    }
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_about_the_command_line_is_the_programs_own() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/CLI.md");
        let made = reference();
        if std::fs::read_to_string(path).ok().as_deref() != Some(&made) {
            std::fs::write(path, &made).unwrap();
            panic!("docs/CLI.md was not what the program says; it was written anew, commit it");
        }
    }
}
