//! The length of functions: lines of code between the braces, comments and blank lines not counted.

use super::problem::Problem;
use super::source::{Source, is_word};

/// A function longer than this wants its parts named.
const LONGEST: usize = 70;

pub(super) fn check(path: &str, source: &Source) -> Vec<Problem> {
    let tokens = tokens(source);
    let mut problems = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        // `fn` before anything but a name is a type.
        let name = tokens.get(index + 1).map_or("", |token| token.text);
        if token.text != "fn" || !name.starts_with(is_word) {
            continue;
        }
        let Some(body) = body(&tokens, index) else { continue };
        let length = source
            .lines()
            .filter(|(number, line)| body.contains(number) && !line.code.trim().is_empty())
            .count();
        if length > LONGEST {
            let message = format!(
                "`{name}` has {length} lines, {LONGEST} are the most: give its parts names of their own"
            );
            problems.push(Problem::new(path, token.line, message));
        }
    }
    problems
}

struct Token<'a> {
    line: usize,
    text: &'a str,
}

fn tokens(source: &Source) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    for (line, code) in source.lines().map(|(number, line)| (number, line.code.as_str())) {
        let mut rest = code;
        while let Some(first) = rest.chars().next() {
            let len = if is_word(first) {
                rest.find(|c: char| !is_word(c)).unwrap_or(rest.len())
            } else {
                first.len_utf8()
            };
            let (text, behind) = rest.split_at(len);
            if !first.is_whitespace() {
                tokens.push(Token { line, text });
            }
            rest = behind;
        }
    }
    tokens
}

/// The lines between the braces of the function whose `fn` is at `index`; none if it has no body.
fn body(tokens: &[Token<'_>], index: usize) -> Option<std::ops::Range<usize>> {
    let mut brackets = 0_usize;
    let mut braces = 0_usize;
    let mut opened = 0;
    for token in tokens.iter().skip(index) {
        match token.text {
            "(" | "[" if braces == 0 => brackets += 1,
            ")" | "]" if braces == 0 => brackets = brackets.saturating_sub(1),
            ";" if braces == 0 && brackets == 0 => return None,
            "{" if brackets == 0 => {
                if braces == 0 {
                    opened = token.line;
                }
                braces += 1;
            }
            "}" if braces > 0 => {
                braces -= 1;
                if braces == 0 {
                    return Some(opened + 1..token.line);
                }
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<(usize, String)> {
        let problems = check("a.rs", &Source::parse(text));
        problems.into_iter().map(|problem| (problem.line, problem.message)).collect()
    }

    fn function(lines: usize) -> String {
        format!(
            "impl A {{\n    fn long(\n        &self,\n    ) -> [u8; 4] {{\n{}    }}\n}}\n",
            "        x();\n".repeat(lines)
        )
    }

    #[test]
    fn seventy_lines_are_enough() {
        assert!(found(&function(70)).is_empty());
        let problems = found(&function(71));
        assert_eq!(problems.len(), 1);
        assert_eq!(problems[0].0, 2);
        assert!(problems[0].1.contains("`long` has 71 lines"), "{problems:?}");
    }

    #[test]
    fn comments_and_blank_lines_are_free() {
        let text = format!("fn a() {{\n{}}}\n", "    // why\n\n    x();\n".repeat(70));
        assert!(found(&text).is_empty());
    }

    #[test]
    fn types_and_declarations_have_no_length() {
        let text = format!(
            "type F = fn(u8) -> u8;\ntrait T {{\n    fn f(&self, x: [u8; 4]);\n{}}}\n",
            "    const A: u8;\n".repeat(90)
        );
        assert!(found(&text).is_empty());
    }
}
