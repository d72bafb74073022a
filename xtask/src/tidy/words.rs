//! What no code here may say: unfinished work, and silenced lints without a reason.

use super::problem::Problem;
use super::source::{Line, Source, is_word};

/// Split, so that this file does not find itself.
const UNFINISHED_WORDS: [&str; 3] = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];
const UNFINISHED_MACROS: [&str; 3] = ["todo", "unimplemented", "dbg"];

pub(super) fn check(path: &str, source: &Source) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (number, line) in source.lines() {
        for word in UNFINISHED_WORDS {
            if has_word(&line.comment, word, "") {
                problems.push(Problem::new(
                    path,
                    number,
                    format!(
                        "`{word}`: finish it now, or write it into an issue and say here what is so today"
                    ),
                ));
            }
        }
        for name in UNFINISHED_MACROS {
            if has_word(&line.code, name, "!") {
                problems.push(Problem::new(path, number, format!("`{name}!` is not for what is checked in")));
            }
        }
    }
    problems.extend(silenced_lints(path, source));
    problems
}

/// `#[allow]` is `#[expect]`, so that it goes when it is not needed, and each says why.
fn silenced_lints(path: &str, source: &Source) -> Vec<Problem> {
    let lines: Vec<(usize, &Line)> = source.lines().collect();
    let mut problems = Vec::new();
    for (index, (number, line)) in lines.iter().enumerate() {
        let code = line.code.trim_start();
        let is_allow = code.starts_with("#[allow(") || code.starts_with("#![allow(");
        let is_expect = code.starts_with("#[expect(") || code.starts_with("#![expect(");
        if !(is_allow || is_expect) {
            continue;
        }
        let attribute: String = lines
            .iter()
            .skip(index)
            .scan(false, |ended, (_, line)| {
                let text = (!*ended).then_some(line.code.as_str());
                *ended = line.code.contains(")]");
                text
            })
            .collect();
        if !has_word(&attribute, "reason", "") {
            let message = if is_allow {
                "say `#[expect(…, reason = \"…\")]`: it tells when it is no longer needed, and why it is there"
            } else {
                "give a `reason = \"…\"`"
            };
            problems.push(Problem::new(path, *number, message));
        }
    }
    problems
}

/// Whether `text` has `word` as a whole word with `after` behind it.
fn has_word(text: &str, word: &str, after: &str) -> bool {
    text.match_indices(word).any(|(at, _)| {
        let before = text.get(..at).and_then(|before| before.chars().next_back());
        let behind = text.get(at + word.len()..).unwrap_or_default();
        !before.is_some_and(is_word)
            && !behind.chars().next().is_some_and(is_word)
            && behind.starts_with(after)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: [usize; 0] = [];

    fn lines(text: &str) -> Vec<usize> {
        check("a.rs", &Source::parse(text)).into_iter().map(|problem| problem.line).collect()
    }

    #[test]
    fn unfinished_work_is_named_in_comments_and_macros_but_not_in_strings() {
        let word = UNFINISHED_WORDS[0];
        assert_eq!(lines(&format!("fn a() {{}}\n// {word}: rest")), [2]);
        assert_eq!(lines(&format!("let a = \"{word}\"; // {word}S")), NONE);
        assert_eq!(lines("fn a() {\n    todo!()\n}\nfn b() { unimplemented!(\"x\") }"), [2, 4]);
        assert_eq!(lines("let todo = 1; // a todo!() in a comment"), NONE);
    }

    #[test]
    fn a_silenced_lint_says_why() {
        assert_eq!(lines("#[allow(dead_code)]\nfn a() {}"), [1]);
        assert_eq!(lines("#![allow(dead_code)]"), [1]);
        assert_eq!(lines("#[expect(dead_code)]\nfn a() {}"), [1]);
        assert_eq!(lines("#[expect(\n    dead_code,\n    reason = \"kept\"\n)]\nfn a() {}"), NONE);
        assert_eq!(lines("#[allow(dead_code, reason = \"kept\")]\nfn a() {}"), NONE);
        assert_eq!(lines("// #[allow(dead_code)]"), NONE);
    }
}
