//! What somebody wrote, as far as an error repeats it: enough to know it again, and never a megabyte of it.

use std::fmt::Display;

/// Its beginning.
pub fn excerpt(text: &str) -> String {
    match text.char_indices().nth(CHARACTERS_MAX) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

/// What a library says of it, which may repeat it in the middle: the beginning and the end, which say what is wrong and where.
pub fn remark(problem: impl Display) -> String {
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

/// Of one value.
pub const CHARACTERS_MAX: usize = 64;

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
        let said = format!("\"{}\" occurs twice at line 1", "é".repeat(1_000));
        assert_eq!(remark("unknown field"), "unknown field");
        assert_eq!(
            remark(said),
            format!(
                "\"{}…{}\" occurs twice at line 1",
                "é".repeat(63),
                "é".repeat(40)
            )
        );
    }
}
