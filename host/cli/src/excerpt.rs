//! What somebody wrote, as far as an error repeats it; and the same of a file's path.

use rbm_json::excerpt::CHARACTERS_MAX;
pub(crate) use rbm_json::excerpt::{excerpt, remark};
use std::path::Path;

/// The end of a file's path, which tells more than its beginning.
pub(crate) fn path(path: impl AsRef<Path>) -> String {
    let text = path.as_ref().display().to_string();
    match text.char_indices().nth_back(CHARACTERS_MAX - 1) {
        None | Some((0, _)) => text,
        Some((begin, _)) => format!("…{}", &text[begin..]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_path_is_known_by_its_end() {
        let (short, long) = ("é".repeat(64), "é".repeat(65));
        assert_eq!(
            (path(&short), path(&long)),
            (short.clone(), format!("…{short}"))
        );
    }
}
