//! Somebody else's text inside a message for people: in quotes, so that one sees where it ends, and with nothing in it that a
//! terminal or a log would obey.
//!
//! `{:?}` does as much, and brings tables of all of Unicode: 8 KB of the component.

use std::fmt::{self, Display, Formatter, Write};

/// `"a text"`
pub struct Quoted<'a>(pub &'a str);

impl Display for Quoted<'_> {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_char('"')?;
        for character in self.0.chars() {
            if is_escaped(character) {
                character.escape_default().fmt(formatter)?;
            } else {
                formatter.write_char(character)?;
            }
        }
        formatter.write_char('"')
    }
}

/// Control characters, and what is not seen but breaks a line, turns its direction or hides in it.
fn is_escaped(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '"' | '\\' | '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{feff}'
        )
        || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
        || matches!(character, '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_seen_is_escaped_and_nothing_else() {
        for (text, expected) in [
            ("", r#""""#),
            ("it's é, 日本 or 👩‍💻", "\"it's é, 日本 or 👩\\u{200d}💻\""),
            ("a\"b\\c", r#""a\"b\\c""#),
            (
                "a\nb\tc\r\0\u{1b}[31m\u{85}",
                r#""a\nb\tc\r\u{0}\u{1b}[31m\u{85}""#,
            ),
            (
                "\u{202e}moc.live\u{2028}\u{feff}",
                r#""\u{202e}moc.live\u{2028}\u{feff}""#,
            ),
        ] {
            assert_eq!(Quoted(text).to_string(), expected);
        }
    }
}
