//! What a client wrote, as far as an error repeats it: enough to know it again, and never a megabyte of it.

use std::fmt::Display;

/// Its beginning.
pub(crate) fn excerpt(text: &str) -> String {
    match text.char_indices().nth(CHARACTERS_MAX) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

/// What a library says of it, which may repeat it in the middle: the beginning and the end, which say what is wrong and where.
pub(crate) fn remark(problem: impl Display) -> String {
    let text = problem.to_string();
    let count = text.chars().count();
    if count <= 2 * CHARACTERS_MAX {
        return text;
    }
    let (beginning, end) = (
        text.chars().take(CHARACTERS_MAX),
        text.chars().skip(count - CHARACTERS_MAX),
    );
    format!(
        "{}…{}",
        beginning.collect::<String>(),
        end.collect::<String>()
    )
}

const CHARACTERS_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_short_is_whole_and_what_is_long_is_cut_between_characters() {
        let (short, long) = ("é".repeat(64), "é".repeat(65));
        assert_eq!(
            (excerpt(&short), excerpt(&long)),
            (short.clone(), format!("{short}…"))
        );
        let said = format!("invalid type: {}, expected a number", "é".repeat(1_000));
        let (whole, cut) = (remark("unknown field"), remark(said));
        assert_eq!(whole, "unknown field");
        assert!(
            cut.starts_with("invalid type: é") && cut.ends_with("é, expected a number"),
            "{cut}"
        );
        assert_eq!(cut.chars().count(), 64 + 1 + 64);
    }
}
