//! What the routes of one function offer to its arguments: variables of paths, groups of regular expressions.

use crate::attribute::list;
use crate::mapping::Mapping;
use crate::mistakes::Mistakes;
use crate::pattern::{Pattern, join};

/// One way to the function.
pub(crate) enum Way {
    Path {
        text: String,
        pattern: Pattern,
    },
    Regexp,
    /// The pattern is wrong and has been reported: nothing more is said about it.
    Wrong,
}

/// All ways to the function.
pub(crate) enum Reach {
    Routes(Vec<Way>),
    /// The fields of a model: they don't know the routes.
    Unknown,
}

/// Where a name was found.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    Everywhere,
    Nowhere,
    Partly { there: String, missing: String },
}

impl Way {
    /// The way that a mapping opens; what is wrong with its pattern is noted.
    pub(crate) fn of(mapping: &Mapping, mistakes: &mut Mistakes) -> Way {
        Way::within("", mapping, mistakes)
    }

    /// The way that a method's mapping opens behind the prefix of its controller.
    pub(crate) fn within(prefix: &str, mapping: &Mapping, mistakes: &mut Mistakes) -> Way {
        if mapping.regexp.is_some() {
            return Way::Regexp;
        }
        let text = match prefix {
            "" => mapping.path_text(),
            prefix => join(prefix, &mapping.path_text()),
        };
        match Pattern::read(&text) {
            Ok(pattern) => Way::Path { text, pattern },
            Err(mistake) => {
                // Without a path of its own, the prefix is at fault, which is reported where it stands.
                if let Some(path) = &mapping.path {
                    mistakes.add(path, mistake);
                }
                Way::Wrong
            }
        }
    }

    fn describe(&self) -> String {
        match self {
            Way::Path { text, pattern } if pattern.variables.is_empty() => format!("`{text}` has none"),
            Way::Path { text, pattern } => format!("`{text}` has {}", list(&pattern.variables)),
            Way::Regexp | Way::Wrong => "a regexp has groups, which `#[group(0)]` reads".to_owned(),
        }
    }

    fn short(&self) -> String {
        match self {
            Way::Path { text, .. } => format!("`{text}`"),
            Way::Regexp | Way::Wrong => "the regexp".to_owned(),
        }
    }
}

impl Reach {
    /// Whether an argument of this name and without an attribute is a path value.
    /// `Err` says why it cannot be told: only some of the routes have the variable.
    pub(crate) fn implies_path(&self, name: &str, may_be_absent: bool) -> Result<bool, String> {
        if let Reach::Unknown = self {
            return Ok(false);
        }
        let has_variable = |pattern: &Pattern| pattern.variables.iter().any(|variable| variable == name);
        match self.find(has_variable) {
            Found::Everywhere => Ok(true),
            Found::Nowhere => Ok(false),
            Found::Partly { .. } if may_be_absent => Ok(true),
            Found::Partly { there, missing } => Err(partly(name, &there, &missing)),
        }
    }

    /// Whether `#[path]` can be had under this name; `Err` says what there is instead.
    pub(crate) fn check_path(&self, name: &str, may_be_absent: bool) -> Result<(), String> {
        match self.find(|pattern| pattern.offers(name)) {
            Found::Everywhere => Ok(()),
            Found::Partly { .. } if may_be_absent => Ok(()),
            Found::Partly { there, missing } => Err(partly(name, &there, &missing)),
            Found::Nowhere => {
                let patterns: Vec<_> = self.ways().iter().map(Way::describe).collect();
                Err(format!("there is no path variable `{name}`: {}", patterns.join("; ")))
            }
        }
    }

    /// Whether `#[group]` can be had; `Err` says what is missing.
    pub(crate) fn check_group(&self, may_be_absent: bool) -> Result<(), String> {
        let ways = self.ways();
        match ways.iter().find(|way| matches!(way, Way::Path { .. })) {
            None => Ok(()),
            Some(_) if may_be_absent && ways.iter().any(|way| matches!(way, Way::Regexp)) => Ok(()),
            Some(path) => Err(format!(
                "`#[group]` reads a group of `regexp = \"…\"`, but {} is a path: \
                 write a variable such as `{{name}}` into the path and take it with `#[path]`",
                path.short()
            )),
        }
    }

    fn ways(&self) -> &[Way] {
        match self {
            Reach::Routes(ways) => ways,
            Reach::Unknown => &[],
        }
    }

    fn find(&self, has: impl Fn(&Pattern) -> bool) -> Found {
        let ways = match self {
            Reach::Routes(ways) => ways.iter().filter(|way| !matches!(way, Way::Wrong)),
            Reach::Unknown => return Found::Everywhere,
        };
        let (there, missing): (Vec<&Way>, Vec<&Way>) =
            ways.partition(|way| matches!(way, Way::Path { pattern, .. } if has(pattern)));
        match (there.first(), missing.first()) {
            (_, None) => Found::Everywhere,
            (None, Some(_)) => Found::Nowhere,
            (Some(there), Some(missing)) => Found::Partly { there: there.short(), missing: missing.short() },
        }
    }
}

fn partly(name: &str, there: &str, missing: &str) -> String {
    format!(
        "`{name}` is a variable of {there} but not of {missing}: \
         make it an `Option`, give it a `#[default(…)]`, or say `#[param]` if it is never a path value"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reach(patterns: &[&str]) -> Reach {
        let way = |text: &&str| match text.strip_prefix("regexp ") {
            Some(_) => Way::Regexp,
            None => Way::Path { text: text.to_string(), pattern: Pattern::read(text).expect("a pattern") },
        };
        Reach::Routes(patterns.iter().map(way).collect())
    }

    #[test]
    fn a_name_in_every_pattern_is_a_path_value() {
        assert_eq!(reach(&["/a/{id}", "/b/{id}"]).implies_path("id", false), Ok(true));
        assert_eq!(reach(&["/a/{id}"]).implies_path("name", false), Ok(false));
    }

    #[test]
    fn a_name_in_some_patterns_may_have_to_be_optional() {
        let reach = reach(&["/a/{id}", "/b"]);
        assert_eq!(reach.implies_path("id", true), Ok(true));
        let mistake = reach.implies_path("id", false).expect_err("not in all");
        assert!(mistake.starts_with("`id` is a variable of `/a/{id}` but not of `/b`"), "{mistake}");
    }

    #[test]
    fn a_star_is_a_path_value_only_when_asked_for() {
        let reach = reach(&["/star/*"]);
        assert_eq!(reach.implies_path("rest", false), Ok(false));
        assert_eq!(reach.check_path("rest", false), Ok(()));
    }

    #[test]
    fn an_unknown_variable_is_answered_with_the_known_ones() {
        let mistake = |patterns: &[&str]| reach(patterns).check_path("id", false).expect_err("unknown");
        assert_eq!(mistake(&["/a/{x}/{y}"]), "there is no path variable `id`: `/a/{x}/{y}` has `x`, `y`");
        assert_eq!(mistake(&["/a", "/{x}"]), "there is no path variable `id`: `/a` has none; `/{x}` has `x`");
        assert!(mistake(&["regexp ^a$"]).contains("`#[group(0)]`"));
    }

    #[test]
    fn groups_belong_to_regular_expressions() {
        assert_eq!(reach(&["regexp ^(a)$"]).check_group(false), Ok(()));
        assert_eq!(reach(&["regexp ^(a)$", "/a"]).check_group(true), Ok(()));
        assert!(reach(&["regexp ^(a)$", "/a"]).check_group(false).is_err());
        assert!(reach(&["/a"]).check_group(true).is_err());
    }

    #[test]
    fn nothing_is_said_about_a_wrong_pattern() {
        let reach = Reach::Routes(vec![Way::Wrong]);
        assert_eq!(reach.check_path("id", false), Ok(()));
        assert_eq!(reach.check_group(false), Ok(()));
    }
}
