//! Tells Rust code from comments and literals, well enough for rules that look at words.
//!
//! [`split`] gives two views of one text. Each has the length and the line breaks of the original,
//! so an offset or a line number means the same in all three; what does not belong to a view is
//! blank in it. String, byte and character literals are in neither.
//!
//! *Not here:* tokens, macros, types. A rule that needs those belongs in a lint.

/// One text seen twice: only its code, and only its comments.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Views {
    pub(crate) code: String,
    pub(crate) comments: String,
}

/// Splits Rust source into its views. Never fails: an unfinished literal runs to the end.
pub(crate) fn split(text: &str) -> Views {
    let mut views = Views {
        code: String::new(),
        comments: String::new(),
    };
    let mut before = ' ';
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (kind, length) = next_span(rest, before);
        let (span, tail) = rest.split_at(length.min(rest.len()));
        match kind {
            Kind::Code => views.push(span, &blank(span)),
            Kind::Comment => views.push(&blank(span), span),
            Kind::Literal => views.push(&blank(span), &blank(span)),
        }
        before = first;
        rest = tail;
    }
    views
}

impl Views {
    fn push(&mut self, code: &str, comments: &str) {
        self.code.push_str(code);
        self.comments.push_str(comments);
    }
}

/// Whether a character may stand inside an identifier.
pub(crate) fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// Spaces of the same length in bytes, with the line breaks kept.
pub(crate) fn blank(span: &str) -> String {
    span.bytes()
        .map(|byte| if byte == b'\n' { '\n' } else { ' ' })
        .collect()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Code,
    Comment,
    Literal,
}

/// The kind and the length in bytes of what `rest` begins with; `before` is the character before.
fn next_span(rest: &str, before: char) -> (Kind, usize) {
    if rest.starts_with("//") {
        return (Kind::Comment, rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return (Kind::Comment, block_comment_length(rest));
    }
    if let Some(length) = literal_length(rest, before) {
        return (Kind::Literal, length);
    }
    (Kind::Code, rest.chars().next().map_or(0, char::len_utf8))
}

fn block_comment_length(rest: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(tail) = rest.get(at..).filter(|tail| !tail.is_empty()) {
        if tail.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if tail.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += tail.chars().next().map_or(1, char::len_utf8);
        }
    }
    rest.len()
}

fn literal_length(rest: &str, before: char) -> Option<usize> {
    let prefix = if is_word(before) {
        0
    } else {
        prefix_length(rest)
    };
    let body = rest.get(prefix..)?;
    let is_raw = rest.get(..prefix)?.ends_with('r');
    let length = match body.chars().next()? {
        '"' if !is_raw => Some(quoted_length(body, '"')),
        '"' | '#' if is_raw => raw_string_length(body),
        '\'' if !is_raw => character_length(body),
        _ => None,
    }?;
    Some(prefix + length)
}

/// The length of `r`, `b`, `c`, `br` or `cr` at the start, if a quote or a hash follows it.
fn prefix_length(rest: &str) -> usize {
    ["br", "cr", "r", "b", "c"]
        .into_iter()
        .find(|prefix| {
            rest.strip_prefix(prefix)
                .is_some_and(|tail| tail.starts_with(['"', '\'', '#']))
        })
        .map_or(0, str::len)
}

fn quoted_length(body: &str, quote: char) -> usize {
    let mut is_escaped = false;
    for (at, character) in body.char_indices().skip(1) {
        match character {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            _ if character == quote => return at + 1,
            _ => {}
        }
    }
    body.len()
}

/// None when the hashes lead to a raw identifier such as `r#type`.
fn raw_string_length(body: &str) -> Option<usize> {
    let hashes = body.len() - body.trim_start_matches('#').len();
    let content = body.get(hashes..)?.strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let length = content
        .find(&end)
        .map_or(content.len(), |at| at + end.len());
    Some(hashes + 1 + length)
}

/// None for a lifetime: a quote that no other quote answers after one character.
fn character_length(body: &str) -> Option<usize> {
    let mut characters = body.chars().skip(1);
    let content = characters.next()?;
    if content == '\\' {
        return Some(quoted_length(body, '\''));
    }
    (characters.next()? == '\'').then(|| content.len_utf8() + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> String {
        split(text)
            .code
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
    }

    fn comments(text: &str) -> String {
        split(text).comments.trim().to_owned()
    }

    #[test]
    fn views_keep_length_and_line_breaks() {
        let text = "let é = \"ü\n\"; // ö\n/* a\nb */ 'ß'";
        let views = split(text);
        for view in [&views.code, &views.comments] {
            assert_eq!(view.len(), text.len());
            assert_eq!(view.lines().count(), text.lines().count());
        }
    }

    #[test]
    fn comment_is_not_code() {
        assert_eq!(code("a // b\nc /* d /* e */ f */ g"), "a c g");
        assert_eq!(comments("a // b"), "// b");
    }

    #[test]
    fn slashes_in_a_string_do_not_open_a_comment() {
        assert_eq!(comments(r#"let url = "https://x";"#), "");
        assert_eq!(code(r#"f("a \" // b") + g"#), "f( ) + g");
    }

    #[test]
    fn raw_string_ends_at_its_own_hashes() {
        assert_eq!(code(r##"x = r#"a "quoted" // word"# + y"##), "x = + y");
        assert_eq!(code(r#"x = br"a\" + y"#), "x = + y");
    }

    #[test]
    fn raw_identifier_is_code() {
        assert_eq!(code("r#type + r#fn"), "r#type + r#fn");
    }

    #[test]
    fn lifetime_is_code_and_character_is_not() {
        assert_eq!(
            code("fn f<'a>(x: &'a str) { g('\"', '\\'', b'/', '/') }"),
            "fn f<'a>(x: &'a str) { g( , , , ) }"
        );
    }

    #[test]
    fn unfinished_literal_runs_to_the_end() {
        assert_eq!(code("a \"b"), "a");
        assert_eq!(code("a /* b"), "a");
    }
}
