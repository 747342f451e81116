//! Shows something that is wrong where it is written, with a caret, as compilers do: the same for messages and for
//! configurations.

mod message;
mod place;

pub(crate) use message::{Written, drawn, is_error};

use annotate_snippets::{Element, Group, Level, Renderer};
use std::io::IsTerminal;

/// What is wrong, in a line.
pub(crate) struct Title<'a> {
    pub(crate) is_error: bool,
    pub(crate) rule: &'a str,
    pub(crate) message: &'a str,
}

/// With the place, what to do about it, and who says so.
pub(crate) fn rendered(
    renderer: &Renderer,
    title: &Title<'_>,
    place: Option<Element<'_>>,
    help: Option<&str>,
    note: Option<&str>,
) -> String {
    let level = if title.is_error {
        Level::ERROR
    } else {
        Level::WARNING
    };
    let mut group = Group::with_title(level.primary_title(title.message).id(title.rule));
    group = group.elements(place);
    group = group.elements(help.map(|help| Level::HELP.message(help)));
    group = group.elements(note.map(|note| Level::NOTE.message(note)));
    renderer.render(&[group])
}

/// With colours for people.
pub(crate) fn renderer(output: &impl IsTerminal) -> Renderer {
    if output.is_terminal() {
        Renderer::styled()
    } else {
        Renderer::plain()
    }
}

/// `1 error`, `2 errors`.
pub(crate) fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
