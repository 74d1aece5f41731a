//! Finds whole words in a view of a file: `noq` is in `noq::Endpoint` but not in `noqueue`.

use crate::lexer::is_word;

/// The offsets at which `word` stands with no identifier character on either side of it.
/// An end of `word` that is no identifier character itself (`todo!`) needs no boundary.
pub(crate) fn offsets<'a>(view: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    view.match_indices(word)
        .map(|(at, _)| at)
        .filter(move |&at| !continues_before(view, at, word) && !continues_after(view, at, word))
}

/// Whether `word` stands anywhere in `view`.
pub(crate) fn contains(view: &str, word: &str) -> bool {
    offsets(view, word).next().is_some()
}

fn continues_before(view: &str, at: usize, word: &str) -> bool {
    let before = view.get(..at).and_then(|head| head.chars().next_back());
    word.starts_with(is_word) && before.is_some_and(is_word)
}

fn continues_after(view: &str, at: usize, word: &str) -> bool {
    let after = view
        .get(at + word.len()..)
        .and_then(|tail| tail.chars().next());
    word.ends_with(is_word) && after.is_some_and(is_word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn word_is_found_only_as_a_whole() {
        assert_eq!(
            offsets("noq noqueue my_noq noq::X", "noq").collect::<Vec<_>>(),
            [0, 19]
        );
    }

    #[test]
    fn punctuation_needs_no_boundary() {
        assert!(contains("x=todo!()", "todo!"));
        assert!(!contains("mastodo!()", "todo!"));
    }
}
