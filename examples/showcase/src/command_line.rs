//! What may be said after `cargo run --`.

use std::path::PathBuf;

pub(crate) const USAGE: &str = "\
Usage: cargo run -- [OPTIONS]

  --host HOST         the address to listen on (127.0.0.1)
  --port PORT         the port to listen on (9090); 0 lets the system choose
  --data DIR          keeps notices and pictures in this directory
  --log DIR           writes the log to a file a day in this directory as well
  --tls               speaks HTTPS, with a certificate made for this machine
  --access-log        logs a line for each request
  --prefer-coroutine  runs every controller on the event loop
  --help              shows this";

/// The arguments, read.
#[derive(Debug, PartialEq)]
pub(crate) struct Arguments {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) data: Option<PathBuf>,
    pub(crate) log: Option<PathBuf>,
    pub(crate) tls: bool,
    pub(crate) access_log: bool,
    pub(crate) prefer_coroutine: bool,
}

impl Default for Arguments {
    fn default() -> Self {
        Arguments {
            host: "127.0.0.1".to_owned(),
            port: 9090,
            data: None,
            log: None,
            tls: false,
            access_log: false,
            prefer_coroutine: false,
        }
    }
}

impl Arguments {
    /// Reads them; `None` if only help is wanted. The error says what is wrong.
    pub(crate) fn parse(mut words: impl Iterator<Item = String>) -> Result<Option<Self>, String> {
        let mut arguments = Arguments::default();
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| format!("{word} wants a value."));
            match word.as_str() {
                "--host" => arguments.host = value()?,
                "--port" => {
                    let text = value()?;
                    arguments.port =
                        text.parse().map_err(|_| format!("--port wants a number, not {text:?}."))?;
                }
                "--data" => arguments.data = Some(value()?.into()),
                "--log" => arguments.log = Some(value()?.into()),
                "--tls" => arguments.tls = true,
                "--access-log" => arguments.access_log = true,
                "--prefer-coroutine" => arguments.prefer_coroutine = true,
                "--help" | "-h" => return Ok(None),
                _ => return Err(format!("{word:?} is not known.")),
            }
        }
        Ok(Some(arguments))
    }
}

#[cfg(test)]
mod tests {
    use super::Arguments;

    fn parse(line: &str) -> Result<Option<Arguments>, String> {
        Arguments::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn arguments_have_defaults() {
        assert_eq!(parse(""), Ok(Some(Arguments::default())));
        let wanted = Arguments { port: 0, data: Some("here".into()), ..Arguments::default() };
        assert_eq!(parse("--port 0 --data here"), Ok(Some(wanted)));
    }

    #[test]
    fn mistakes_are_named() {
        assert_eq!(parse("--port many"), Err("--port wants a number, not \"many\".".to_owned()));
        assert_eq!(parse("--data"), Err("--data wants a value.".to_owned()));
        assert_eq!(parse("--speed"), Err("\"--speed\" is not known.".to_owned()));
    }
}
