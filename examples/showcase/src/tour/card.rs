//! What a card of the tour is made of: a few lines of these sources, and requests that try them.

/// A file of this program, as it stands on the disk.
#[derive(Clone, Copy)]
pub(crate) struct Source {
    pub(crate) path: &'static str,
    pub(crate) text: &'static str,
}

impl Source {
    /// The lines between `// show: name` and `// end`.
    pub(crate) const fn show(self, name: &'static str) -> Excerpt {
        Excerpt { source: self, name }
    }
}

/// Some lines of a source file, found by their name.
#[derive(Clone, Copy)]
pub(crate) struct Excerpt {
    pub(crate) source: Source,
    name: &'static str,
}

impl Excerpt {
    /// The lines without their common indentation, and the number of the first.
    ///
    /// A name may be shown in several pieces, which follow each other with an empty line between them.
    pub(crate) fn lines(&self) -> Option<(usize, String)> {
        let marker = format!("// show: {}", self.name);
        let lines: Vec<&str> = self.source.text.lines().collect();
        let is_start = |(_, line): &(usize, &&str)| line.trim() == marker;
        let starts: Vec<usize> = lines.iter().enumerate().filter(is_start).map(|(at, _)| at + 1).collect();
        let pieces = starts.iter().map(|start| {
            let piece: Vec<&str> =
                lines[*start..].iter().take_while(|line| line.trim() != "// end").copied().collect();
            without_indentation(&piece)
        });
        Some((starts.first()? + 1, pieces.collect::<Vec<_>>().join("\n\n")))
    }
}

fn without_indentation(lines: &[&str]) -> String {
    let indentation = |line: &&&str| line.len() - line.trim_start().len();
    let common = lines.iter().filter(|line| !line.is_empty()).map(|line| indentation(&line)).min();
    let cut = |line: &&str| line.get(common.unwrap_or(0)..).unwrap_or_default().to_owned();
    lines.iter().map(cut).collect::<Vec<_>>().join("\n")
}

/// A part of the tour.
pub(crate) struct Section {
    pub(crate) id: &'static str,
    pub(crate) title: &'static str,
    pub(crate) about: &'static str,
    pub(crate) cards: &'static [Card],
}

/// One feature: what it is, the lines that use it, and requests to try it with.
pub(crate) struct Card {
    pub(crate) id: &'static str,
    pub(crate) title: &'static str,
    pub(crate) about: &'static str,
    pub(crate) code: Excerpt,
    pub(crate) tries: &'static [Try],
}

/// A request of a card, and what its answer is to be; the tests hold every card to it.
#[derive(Clone, Copy)]
pub(crate) struct Try {
    pub(crate) method: &'static str,
    pub(crate) target: &'static str,
    pub(crate) headers: &'static [(&'static str, &'static str)],
    pub(crate) body: &'static str,
    pub(crate) status: u16,
    pub(crate) says: &'static str,
}

pub(crate) const fn get(target: &'static str) -> Try {
    request("GET", target)
}

pub(crate) const fn request(method: &'static str, target: &'static str) -> Try {
    Try { method, target, headers: &[], body: "", status: 200, says: "" }
}

pub(crate) const fn post(target: &'static str, body: &'static str) -> Try {
    Try { body, headers: FORM, ..request("POST", target) }
}

pub(crate) const FORM: &[(&str, &str)] = &[("Content-Type", "application/x-www-form-urlencoded")];
pub(crate) const JSON: &[(&str, &str)] = &[("Content-Type", "application/json")];

impl Try {
    pub(crate) const fn with(self, headers: &'static [(&'static str, &'static str)]) -> Try {
        Try { headers, ..self }
    }

    pub(crate) const fn text(self, body: &'static str) -> Try {
        Try { body, ..self }
    }

    /// A text that the header fields or the body of the answer contain.
    pub(crate) const fn says(self, says: &'static str) -> Try {
        Try { says, ..self }
    }

    pub(crate) const fn answers(self, status: u16) -> Try {
        Try { status, ..self }
    }
}
