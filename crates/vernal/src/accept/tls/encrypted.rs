//! Keys behind a password.
//!
//! Two forms are in use: PKCS#8 (RFC 5958 with PBES2 of RFC 8018), and the older encryption within PEM (RFC 1421 section
//! 4.6, with OpenSSL's derivation of the key). The second is weak, since a password can be tried quickly, but files of
//! this form are still around.

use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockModeDecrypt, KeyIvInit};
use base64ct::{Base64, Encoding};
use md5::{Digest, Md5};
use pkcs8::der::Decode;
use pkcs8::pkcs5::Error as SchemeError;
use pkcs8::{EncryptedPrivateKeyInfoRef, Error as KeyError, SecretDocument};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs1KeyDer, PrivatePkcs8KeyDer, PrivateSec1KeyDer};

const WRONG_PASSWORD: &str = "the password is wrong, or the file is damaged";

/// A key that a password opens.
pub(super) struct Locked<'a> {
    /// The words between `BEGIN` and `-----`.
    label: &'a str,
    /// The cipher and its initialisation vector, where PEM says them.
    algorithm: Option<&'a str>,
    base64: String,
}

/// The first private key of a PEM text, if that is encrypted.
pub(super) fn find(pem: &[u8]) -> Option<Locked<'_>> {
    let text = std::str::from_utf8(pem).ok()?;
    let mut lines = text.lines().map(str::trim);
    let label = lines.find_map(|line| {
        let label = line.strip_prefix("-----BEGIN ")?.strip_suffix("-----")?;
        label.ends_with("PRIVATE KEY").then_some(label)
    })?;
    let (mut is_encrypted, mut algorithm) = (label == "ENCRYPTED PRIVATE KEY", None);
    let mut base64 = String::new();
    for line in lines.take_while(|line| !line.starts_with("-----END ")) {
        match line.split_once(':') {
            Some(("Proc-Type", kind)) => is_encrypted |= kind.contains("ENCRYPTED"),
            Some(("DEK-Info", info)) => algorithm = Some(info.trim()),
            Some(_) => {}
            None => base64.push_str(line),
        }
    }
    is_encrypted.then_some(Locked { label, algorithm, base64 })
}

impl Locked<'_> {
    /// # Errors
    ///
    /// For a wrong password, and for what is encrypted in another way.
    pub(super) fn unlock(&self, password: &str) -> Result<PrivateKeyDer<'static>, String> {
        let bytes = Base64::decode_vec(&self.base64).map_err(|_| "it is no sound PEM")?;
        if self.label == "ENCRYPTED PRIVATE KEY" {
            return unlock_pkcs8(&bytes, password);
        }
        let der = decrypt_pem(&bytes, self.algorithm.unwrap_or_default(), password)?;
        match self.label {
            "RSA PRIVATE KEY" => Ok(PrivatePkcs1KeyDer::from(der).into()),
            "EC PRIVATE KEY" => Ok(PrivateSec1KeyDer::from(der).into()),
            "PRIVATE KEY" => Ok(PrivatePkcs8KeyDer::from(der).into()),
            label => Err(format!("a {label} cannot be used for TLS")),
        }
    }
}

fn unlock_pkcs8(bytes: &[u8], password: &str) -> Result<PrivateKeyDer<'static>, String> {
    let strange = |error: &dyn std::fmt::Display| {
        format!(
            "it is encrypted in a way that is not understood ({error}); PBES2 is wanted: \
             openssl pkcs8 -topk8 -v2 aes-256-cbc"
        )
    };
    let locked = EncryptedPrivateKeyInfoRef::from_der(bytes).map_err(|error| strange(&error))?;
    match locked.decrypt(password) {
        Ok(der) => Ok(PrivatePkcs8KeyDer::from(der.as_bytes().to_vec()).into()),
        Err(KeyError::EncryptedPrivateKey(error)) if error != SchemeError::DecryptFailed => {
            Err(strange(&error))
        }
        Err(_) => Err(WRONG_PASSWORD.to_owned()),
    }
}

fn decrypt_pem(bytes: &[u8], algorithm: &str, password: &str) -> Result<Vec<u8>, String> {
    let (cipher, iv) = algorithm.split_once(',').ok_or("its DEK-Info names no cipher and vector")?;
    let iv = unhex(iv.trim()).ok_or("the vector in its DEK-Info is not hexadecimal")?;
    let decrypt = match cipher {
        "AES-128-CBC" => decrypt_cbc::<cbc::Decryptor<aes::Aes128>>,
        "AES-192-CBC" => decrypt_cbc::<cbc::Decryptor<aes::Aes192>>,
        "AES-256-CBC" => decrypt_cbc::<cbc::Decryptor<aes::Aes256>>,
        "DES-EDE3-CBC" => decrypt_cbc::<cbc::Decryptor<des::TdesEde3>>,
        _ => {
            return Err(format!(
                "its cipher {cipher:?} is none of AES-128-CBC, AES-192-CBC, AES-256-CBC and DES-EDE3-CBC"
            ));
        }
    };
    let der = decrypt(bytes, &iv, password).ok_or(WRONG_PASSWORD)?;
    // one wrong password in 256 has a padding that looks right, but it makes no DER
    SecretDocument::try_from(der.as_slice()).map_err(|_| WRONG_PASSWORD)?;
    Ok(der)
}

fn decrypt_cbc<D: BlockModeDecrypt + KeyIvInit>(bytes: &[u8], iv: &[u8], password: &str) -> Option<Vec<u8>> {
    let key = derive(password, iv.get(..8)?, D::key_size());
    D::new_from_slices(&key, iv).ok()?.decrypt_padded_vec::<Pkcs7>(bytes).ok()
}

/// The key that OpenSSL makes of a password (`EVP_BytesToKey` with MD5 and one iteration).
fn derive(password: &str, salt: &[u8], length: usize) -> Vec<u8> {
    let mut key = Vec::with_capacity(length + 16);
    let mut last = Vec::new();
    while key.len() < length {
        last = Md5::new().chain_update(&last).chain_update(password).chain_update(salt).finalize().to_vec();
        key.extend_from_slice(&last);
    }
    key.truncate(length);
    key
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text.chars().map(|digit| Some(digit.to_digit(16)? as u8)).collect::<Option<_>>()?;
    let (pairs, rest) = digits.as_chunks::<2>();
    rest.is_empty().then(|| pairs.iter().map(|[high, low]| high << 4 | low).collect())
}
