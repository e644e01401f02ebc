//! What a path pattern offers to the arguments: its variables, or what stands in the place of its star.

/// A path pattern, as far as the arguments have to know it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Pattern {
    pub(crate) variables: Vec<String>,
    /// `/star/*`, `**/stars`: one value without a name.
    pub(crate) wildcard: bool,
}

impl Pattern {
    /// Reads a pattern such as `/say_hello/to/{name}`; the error says what is wrong and what to write.
    pub(crate) fn read(text: &str) -> Result<Pattern, String> {
        let variables = variables(text);
        if let Some(twice) = first_repeated(&variables) {
            return Err(format!("the pattern has the variable `{twice}` twice: give each its own name"));
        }
        if !variables.is_empty() && text.contains('*') {
            return Err("a pattern has variables or a star, not both: \
                        write a variable for each segment, or use `regexp = \"…\"`"
                .to_owned());
        }
        let inner = without_star(text);
        if inner.contains('*') {
            return Err("`*` (one segment) or `**` (any depth) stands once, \
                        at the start or at the end of a pattern"
                .to_owned());
        }
        Ok(Pattern { wildcard: inner.len() < text.len(), variables })
    }

    /// Whether the pattern has a value under this name; what a star matched has every name.
    pub(crate) fn offers(&self, name: &str) -> bool {
        self.wildcard || self.variables.iter().any(|variable| variable == name)
    }
}

/// Joins the path of a controller and that of its method: the one slash between them is added or removed.
pub(crate) fn join(prefix: &str, path: &str) -> String {
    if path.is_empty() {
        return prefix.to_owned();
    }
    let slash = if prefix.ends_with('/') { "" } else { "/" };
    format!("{prefix}{slash}{}", path.strip_prefix('/').unwrap_or(path))
}

/// The names in braces, of word characters only: `{a-b}` is literal text.
fn variables(text: &str) -> Vec<String> {
    let openings = text.match_indices('{').map(|(position, _)| &text[position + 1..]);
    openings
        .filter_map(|rest| rest.split_once('}'))
        .map(|(word, _)| word)
        .filter(|word| !word.is_empty() && word.chars().all(is_word_character))
        .map(str::to_owned)
        .collect()
}

fn is_word_character(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

fn first_repeated(names: &[String]) -> Option<&String> {
    names.iter().enumerate().find(|(index, name)| names[..*index].contains(name)).map(|(_, name)| name)
}

/// The stars are looked for in the order of `spec/02` section 2: at the start, then at the end.
fn without_star(text: &str) -> &str {
    let affixes =
        [text.strip_prefix("**"), text.strip_prefix('*'), text.strip_suffix("**"), text.strip_suffix('*')];
    affixes.into_iter().flatten().next().unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<String> {
        Pattern::read(text).expect("a pattern").variables
    }

    #[test]
    fn variables_are_words_in_braces() {
        assert_eq!(names("/a/{id}/b/{name}"), ["id", "name"]);
        assert_eq!(names("/{größe}/{名字}"), ["größe", "名字"]);
        assert_eq!(names("{id}"), ["id"]);
    }

    #[test]
    fn other_braces_are_literal_text() {
        assert!(names("/{a-b}/{ a }/{}/}{/{open").is_empty());
        assert_eq!(names("/{{id}}"), ["id"]);
    }

    #[test]
    fn a_star_stands_at_one_end() {
        for text in ["/star/*", "*/star", "/stars/**", "**/stars", "*", "**", "/sm*", "/*"] {
            let pattern = Pattern::read(text).expect(text);
            assert!(pattern.wildcard && pattern.offers("anything"), "{text}");
        }
        for text in ["/a/*/b", "*a*", "/a/***", "/**/x/*"] {
            assert!(Pattern::read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_exact_path_offers_nothing() {
        let pattern = Pattern::read("/exact").expect("a pattern");
        assert_eq!(pattern, Pattern::default());
        assert!(!pattern.offers("name"));
    }

    #[test]
    fn variables_and_stars_do_not_mix() {
        let error = Pattern::read("/{id}/*").expect_err("both");
        assert!(error.contains("not both"), "{error}");
    }

    #[test]
    fn a_repeated_variable_is_named() {
        let error = Pattern::read("/{id}/{other}/{id}").expect_err("twice");
        assert!(error.contains("`id` twice"), "{error}");
    }

    #[test]
    fn paths_join_with_one_slash() {
        assert_eq!(join("/obj", "say"), "/obj/say");
        assert_eq!(join("/obj/", "/say"), "/obj/say");
        assert_eq!(join("/obj", ""), "/obj");
        assert_eq!(join("/obj/", ""), "/obj/");
        assert_eq!(join("", "/x"), "/x");
    }
}
