//! Rust text told apart into code and comments, so that a rule about code is not fooled by a comment or a string.
//!
//! Invariants: a source has as many lines as its text; the contents of strings and characters are underscores in the
//! code, so that a word in a string is not code, yet its line counts as code. It knows no grammar beyond tokens.

/// One line of a file.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Line {
    /// The line without comments, strings filled with underscores.
    pub(super) code: String,
    /// The line's comments.
    pub(super) comment: String,
}

/// A file of Rust.
#[derive(Debug)]
pub(super) struct Source {
    lines: Vec<Line>,
}

impl Source {
    /// Tells the text apart; text that does not end its last comment or string simply ends within it.
    pub(super) fn parse(text: &str) -> Self {
        let mut scanner = Scanner { rest: text, lines: vec![Line::default()] };
        while scanner.token() {}
        Self { lines: scanner.lines }
    }

    /// The lines, numbered from 1.
    pub(super) fn lines(&self) -> impl Iterator<Item = (usize, &Line)> {
        self.lines.iter().enumerate().map(|(index, line)| (index + 1, line))
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Code,
    Filled,
    Comment,
}

struct Scanner<'a> {
    rest: &'a str,
    lines: Vec<Line>,
}

impl Scanner<'_> {
    /// Takes one token; false at the end.
    fn token(&mut self) -> bool {
        let Some(first) = self.rest.chars().next() else { return false };
        if self.rest.starts_with("//") {
            self.take(self.rest.find('\n').unwrap_or(self.rest.len()), Kind::Comment);
        } else if self.rest.starts_with("/*") {
            self.take(block_comment_len(self.rest), Kind::Comment);
        } else if let Some((opening, len)) = raw_string(self.rest) {
            self.take(opening, Kind::Code);
            self.take(len - opening, Kind::Filled);
        } else if first == '"' {
            self.take(quoted_len(self.rest, '"'), Kind::Filled);
        } else if first == '\'' && is_character(self.rest) {
            self.take(quoted_len(self.rest, '\''), Kind::Filled);
        } else if is_word(first) {
            let len = self.rest.find(|c: char| !is_word(c)).unwrap_or(self.rest.len());
            self.take(len, Kind::Code);
        } else {
            self.take(first.len_utf8(), Kind::Code);
        }
        true
    }

    fn take(&mut self, len: usize, kind: Kind) {
        let (taken, rest) = self.rest.split_at(len);
        self.rest = rest;
        for c in taken.chars() {
            if c == '\n' {
                self.lines.push(Line::default());
            } else if let Some(line) = self.lines.last_mut() {
                match kind {
                    Kind::Code => line.code.push(c),
                    Kind::Filled => line.code.push('_'),
                    Kind::Comment => line.comment.push(c),
                }
            }
        }
    }
}

pub(super) fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Block comments nest.
fn block_comment_len(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        if rest.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

/// The length of `r`, hashes and quote, and of the whole raw string, if the text begins with one.
fn raw_string(text: &str) -> Option<(usize, usize)> {
    let prefix = ["br", "cr", "r"].into_iter().find(|prefix| text.starts_with(prefix))?;
    let after = text.strip_prefix(prefix)?;
    let hashes = after.len() - after.trim_start_matches('#').len();
    let contents = after.trim_start_matches('#').strip_prefix('"')?;
    let opening = prefix.len() + hashes + 1;
    let closing = format!("\"{}", "#".repeat(hashes));
    let len = contents.find(&closing).map_or(text.len(), |at| opening + at + closing.len());
    Some((opening, len))
}

/// The length of a string or character with its quotes, escapes respected.
fn quoted_len(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if c == quote {
            return at + c.len_utf8();
        }
    }
    text.len()
}

/// Whether a quote begins a character and not a lifetime.
fn is_character(text: &str) -> bool {
    let mut chars = text.chars().skip(1);
    match (chars.next(), chars.next()) {
        (Some('\\'), _) => true,
        (Some(_), second) => second == Some('\''),
        (None, _) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Vec<(String, String)> {
        let source = Source::parse(text);
        source.lines().map(|(_, line)| (line.code.trim().to_owned(), line.comment.clone())).collect()
    }

    fn code(text: &str) -> String {
        parse(text).into_iter().map(|(code, _)| code).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn comments_are_not_code_and_nest() {
        assert_eq!(
            parse("a // one\n/* two /* three */ four */ b"),
            [("a".into(), "// one".into()), ("b".into(), "/* two /* three */ four */".into())]
        );
    }

    #[test]
    fn strings_are_filled_whatever_they_hold() {
        assert_eq!(code(r#"f("a // b { \" }") // c"#), "f(_______________)");
        assert_eq!(code("r#\"a\" \"# + b"), "r#\"_____ + b");
        assert_eq!(code("\"one\ntwo\" x"), "____\n____ x");
    }

    #[test]
    fn lifetimes_are_code_and_characters_are_not() {
        assert_eq!(
            code("fn f<'a>(x: &'a str) { x == '{' || x == '\\'' }"),
            "fn f<'a>(x: &'a str) { x == ___ || x == ____ }"
        );
    }

    #[test]
    fn words_that_end_in_r_do_not_begin_a_raw_string() {
        assert_eq!(code("error\"x\""), "error___");
        assert_eq!(code("for r in r\"x\""), "for r in r\"__");
    }
}
