//! A certificate for the developer's own machine.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair};

use crate::accept::tls::names::Subject;
use crate::accept::tls::pair::{Input, Pair, Source};

/// How long a certificate is valid; the longest that all browsers take, in days, is 825.
const VALID: Duration = Duration::from_secs(800 * 24 * 60 * 60);
/// One that ends sooner than this is made anew.
const SPARE: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// The files of a certificate for these names and of its key; those of an earlier time where they are still good, so
/// that a browser which was told to trust them does.
pub(super) fn files(names: Vec<String>) -> Result<(PathBuf, PathBuf), String> {
    if names.is_empty() {
        return Err("a development certificate is for at least one name".to_owned());
    }
    let folder = folder();
    let stem: String = names
        .join("+")
        .chars()
        .map(|letter| if letter.is_ascii_alphanumeric() || "-.+".contains(letter) { letter } else { '_' })
        .take(100)
        .collect();
    let (certificate, key) = (folder.join(format!("{stem}.pem")), folder.join(format!("{stem}.key")));
    if !is_good(&certificate, &key, &names) {
        make(&names, &folder, &certificate, &key).map_err(|error| {
            format!("no development certificate could be made in {:?}: {error}", folder.display().to_string())
        })?;
    }
    Ok((certificate, key))
}

/// `target` of the project around the working folder; otherwise the user's cache.
fn folder() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from).filter(|target| target.is_dir());
    let target = target.or_else(|| {
        let here = std::env::current_dir().ok()?;
        let project = here
            .ancestors()
            .find(|folder| folder.join("Cargo.toml").is_file() && folder.join("target").is_dir())?;
        Some(project.join("target"))
    });
    if let Some(target) = target {
        return target.join("tls-development");
    }
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| std::env::home_dir().map(|home| home.join(".cache")));
    cache.unwrap_or_else(std::env::temp_dir).join("vernal").join("tls-development")
}

/// Whether the files are there, belong together, are for these hosts and will be for a while.
fn is_good(certificate: &Path, key: &Path, names: &[String]) -> bool {
    let files = Pair::new(Input::File(certificate.to_owned()), Input::File(key.to_owned()));
    let Ok(loaded) = files.load() else { return false };
    let Ok(subject) = Subject::of(&loaded.certified.cert[0]) else { return false };
    let is_host = |name: &&String| name.parse::<std::net::IpAddr>().is_err();
    subject.not_after > SystemTime::now() + SPARE
        && names.iter().filter(is_host).all(|name| subject.names.contains(&name.to_ascii_lowercase()))
}

fn make(
    names: &[String],
    folder: &Path,
    certificate: &Path,
    key: &Path,
) -> Result<(), Box<dyn std::error::Error>> {
    let mut parameters = CertificateParams::new(names.to_vec())?;
    parameters.distinguished_name.push(DnType::CommonName, "vernal development certificate");
    parameters.extended_key_usages.push(ExtendedKeyUsagePurpose::ServerAuth);
    let now = SystemTime::now();
    parameters.not_before = (now - Duration::from_secs(24 * 60 * 60)).into();
    parameters.not_after = (now + VALID).into();
    let key_pair = KeyPair::generate()?;
    let signed = parameters.self_signed(&key_pair)?;
    fs::create_dir_all(folder)?;
    write(key, &key_pair.serialize_pem())?;
    write(certificate, &signed.pem())?;
    tracing::info!(certificate = %certificate.display(), "made a development certificate");
    Ok(())
}

/// Writes beside the place and moves there, so that whoever reads sees all or nothing. Such a file is readable by its
/// user alone from its first byte.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let mut file = tempfile::NamedTempFile::new_in(path.parent().unwrap_or(Path::new(".")))?;
    file.write_all(text.as_bytes())?;
    file.persist(path)?;
    Ok(())
}
