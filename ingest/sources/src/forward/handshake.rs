//! Proving that both sides know the shared key.
//!
//! We send `["HELO", {nonce, auth, keepalive}]`; the client answers
//! `["PING", its name, salt, digest, user, password]` with the hexadecimal SHA-512 of salt, its name,
//! nonce and key; we answer `["PONG", whether it may send, reason, our name, digest]` with that of
//! salt, our name, nonce and key. Users and passwords are not asked for.

use std::fmt;
use std::sync::Arc;

use ring::digest;
use subtle::ConstantTimeEq;

use super::msgpack::{Reader, Token, Unreadable};

/// The bytes of a nonce.
pub(super) const NONCE_BYTES: usize = 16;

/// Our name, which must not be the client's own.
const NAME: &str = "sekisho";

/// What senders and we both know. It does not print.
#[derive(Clone)]
pub struct SharedKey(Arc<str>);

impl SharedKey {
    /// The key as it stands in the settings of the senders.
    pub fn new(key: &str) -> Self {
        Self(Arc::from(key))
    }
}

impl fmt::Debug for SharedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedKey(…)")
    }
}

/// Why a client may not send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refused {
    #[error("expected PING; is a shared key set at the sender?")]
    NoPing,
    #[error("the shared key is another one")]
    OtherKey,
    #[error("the name is ours; expected another one at the sender")]
    OurName,
}

/// What we begin with.
pub(super) fn helo(nonce: &[u8; NONCE_BYTES]) -> Vec<u8> {
    let mut bytes = vec![0x92];
    text(&mut bytes, "HELO");
    bytes.push(0x83);
    text(&mut bytes, "nonce");
    bytes.extend([0xc4, 16]);
    bytes.extend(nonce);
    text(&mut bytes, "auth");
    text(&mut bytes, "");
    text(&mut bytes, "keepalive");
    bytes.push(0xc3);
    bytes
}

/// Whether the answer shows that the client knows the key; the answer to it.
pub(super) fn pong(ping: &[u8], nonce: &[u8], key: &SharedKey) -> (Vec<u8>, Result<(), Refused>) {
    let checked = check(ping, nonce, key);
    let mut bytes = vec![0x95];
    text(&mut bytes, "PONG");
    match checked {
        Ok(salt) => {
            bytes.push(0xc3);
            text(&mut bytes, "");
            text(&mut bytes, NAME);
            text(&mut bytes, &proof(&[salt, NAME.as_bytes(), nonce], key));
        }
        Err(refused) => {
            bytes.push(0xc2);
            text(&mut bytes, &refused.to_string());
            text(&mut bytes, "");
            text(&mut bytes, "");
        }
    }
    (bytes, checked.map(|_| ()))
}

/// The salt, if the client knows the key.
fn check<'a>(ping: &'a [u8], nonce: &[u8], key: &SharedKey) -> Result<&'a [u8], Refused> {
    let mut reader = Reader::new(ping);
    let (Ok(Token::Array(6)), Ok(b"PING")) = (reader.token(), bytes(&mut reader)) else {
        return Err(Refused::NoPing);
    };
    let mut next = || bytes(&mut reader).map_err(|_| Refused::NoPing);
    let (name, salt, digest) = (next()?, next()?, next()?);
    if name == NAME.as_bytes() {
        return Err(Refused::OurName);
    }
    let expected = proof(&[salt, name, nonce], key);
    if bool::from(expected.as_bytes().ct_eq(digest)) {
        Ok(salt)
    } else {
        Err(Refused::OtherKey)
    }
}

fn bytes<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], Unreadable> {
    match reader.token()? {
        Token::Text(bytes) | Token::Binary(bytes) => Ok(bytes),
        _ => Err(Unreadable),
    }
}

fn proof(parts: &[&[u8]], key: &SharedKey) -> String {
    let mut context = digest::Context::new(&digest::SHA512);
    for part in parts {
        context.update(part);
    }
    context.update(key.0.as_bytes());
    let hash = context.finish();
    let digit = |four: u8| char::from_digit(u32::from(four), 16).unwrap_or_default();
    let digits = |byte: &u8| [digit(byte >> 4), digit(byte & 15)];
    hash.as_ref().iter().flat_map(digits).collect()
}

fn text(bytes: &mut Vec<u8>, text: &str) {
    // Writing to a vector does not fail.
    drop(rmp::encode::write_str(bytes, text));
}

#[cfg(test)]
pub(super) fn ping(name: &str, nonce: &[u8], key: &str) -> Vec<u8> {
    let mut bytes = vec![0x96];
    text(&mut bytes, "PING");
    text(&mut bytes, name);
    text(&mut bytes, "salt");
    text(
        &mut bytes,
        &proof(&[b"salt", name.as_bytes(), nonce], &SharedKey::new(key)),
    );
    text(&mut bytes, "");
    text(&mut bytes, "");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_knows_the_key_may_send_and_is_shown_that_we_know_it() {
        let (nonce, key) = ([7; NONCE_BYTES], SharedKey::new("secret"));

        let (pong, checked) = pong(&ping("client", &nonce, "secret"), &nonce, &key);

        assert_eq!(checked, Ok(()));
        let mut reader = Reader::new(&pong);
        assert_eq!(reader.token(), Ok(Token::Array(5)));
        assert_eq!(reader.token(), Ok(Token::Text(b"PONG")));
        assert_eq!(reader.token(), Ok(Token::Bool(true)));
        assert_eq!(reader.token(), Ok(Token::Text(b"")));
        assert_eq!(reader.token(), Ok(Token::Text(b"sekisho")));
        let proof = proof(&[b"salt", b"sekisho", &nonce], &key);
        assert_eq!(reader.token(), Ok(Token::Text(proof.as_bytes())));
        assert_eq!(format!("{key:?}"), "SharedKey(…)");
    }

    #[test]
    fn anyone_else_is_refused_with_a_reason() {
        let (nonce, key) = ([7; NONCE_BYTES], SharedKey::new("secret"));
        let of_other_nonce = ping("client", &[8; NONCE_BYTES], "secret");
        for (answer, expected) in [
            (ping("client", &nonce, "wrong"), Refused::OtherKey),
            (ping("client", &nonce, ""), Refused::OtherKey),
            (of_other_nonce, Refused::OtherKey),
            (ping("sekisho", &nonce, "secret"), Refused::OurName),
            (vec![0x93, 0xa1, b't', 1, 0x80], Refused::NoPing),
            (Vec::new(), Refused::NoPing),
        ] {
            let (pong, checked) = pong(&answer, &nonce, &key);
            assert_eq!(checked, Err(expected));
            assert_eq!(pong[..7], [0x95, 0xa4, b'P', b'O', b'N', b'G', 0xc2]);
        }
    }

    #[test]
    fn the_proof_is_that_of_the_specification() {
        // `printf salthostnoncekey | sha512sum`
        let proof = proof(&[b"salt", b"host", b"nonce"], &SharedKey::new("key"));
        assert_eq!(proof, PROOF);
    }

    const PROOF: &str = "22ec4f9c36a2f046a7b4655800a5ddfb182586919b3cd9677fdec97a04c86982043491985b89d8ad2ca716289d8daf1521a9bd98ef009f54d9db291d83284e98";
}
