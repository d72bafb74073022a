//! How Kafka's names are written in Rust.

/// `MaxWaitMs` as `max_wait_ms`.
pub(crate) fn snake_case(name: &str) -> String {
    let mut snake = String::new();
    for (index, letter) in name.char_indices() {
        if letter.is_ascii_uppercase() && index > 0 {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::snake_case;

    #[test]
    fn each_capital_begins_a_word() {
        assert_eq!(snake_case("MaxWaitMs"), "max_wait_ms");
        assert_eq!(snake_case("V3AndBelowTopics"), "v3_and_below_topics");
    }
}
