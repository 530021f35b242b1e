//! Who may send what.

use std::collections::BTreeSet;
use std::sync::Arc;

use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

/// A secret that lets its bearer send.
#[derive(Clone, Debug)]
pub struct Token {
    /// What the `origin` of its records says.
    pub name: Arc<str>,
    /// [`Token::hash`] of the secret; the secret itself is nowhere.
    pub hash: [u8; 32],
    /// The sources it may send, or any.
    pub sources: Option<BTreeSet<Arc<str>>>,
    /// Whose records its records are.
    pub tenant: Arc<str>,
}

impl Token {
    /// The hash under which a secret is kept. The secret is long and random, so a fast hash is enough.
    pub fn hash(secret: &str) -> [u8; 32] {
        *blake3::hash(secret.as_bytes()).as_bytes()
    }
}

/// All tokens, and whether one is needed.
#[derive(Clone, Debug, Default)]
pub struct Tokens {
    /// The tokens.
    pub tokens: Vec<Token>,
    /// The tenant of whoever comes without a token. Only counts while there is no token at all; the
    /// program sets it only if nobody from another machine can connect.
    pub anonymous: Option<Arc<str>>,
}

/// Who sends, after the token was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sender {
    pub(super) name: Arc<str>,
    pub(super) tenant: Arc<str>,
}

/// Why someone may not send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Denied {
    /// There is no token, or an unknown one.
    Unknown,
    /// The token is for other sources.
    OtherSource,
}

impl Tokens {
    /// Who it is that sends `source` with this `Authorization` header.
    pub(super) fn check(&self, authorization: Option<&[u8]>, source: &str) -> Result<Sender, Denied> {
        if self.tokens.is_empty()
            && let Some(tenant) = &self.anonymous
        {
            return Ok(Sender {
                name: Arc::from("anonymous"),
                tenant: Arc::clone(tenant),
            });
        }
        let secret = authorization.and_then(bearer).ok_or(Denied::Unknown)?;
        let token = self.find(blake3::hash(secret).as_bytes()).ok_or(Denied::Unknown)?;
        if token.sources.as_ref().is_some_and(|sources| !sources.contains(source)) {
            return Err(Denied::OtherSource);
        }
        Ok(Sender {
            name: Arc::clone(&token.name),
            tenant: Arc::clone(&token.tenant),
        })
    }

    /// Looks at every token to its end, so that the time it takes tells nothing about them.
    fn find(&self, hash: &[u8; 32]) -> Option<&Token> {
        let mut found = u64::MAX;
        for (place, token) in (0_u64..).zip(&self.tokens) {
            let same: Choice = token.hash.ct_eq(hash);
            found.conditional_assign(&place, same);
        }
        self.tokens.get(usize::try_from(found).ok()?)
    }
}

fn bearer(authorization: &[u8]) -> Option<&[u8]> {
    let (scheme, secret) = authorization.split_at_checked("Bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then(|| secret.trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens() -> Tokens {
        let token = |name: &str, secret: &str, sources: Option<&[&str]>| Token {
            name: Arc::from(name),
            hash: Token::hash(secret),
            sources: sources.map(|sources| sources.iter().map(|source| Arc::from(*source)).collect()),
            tenant: Arc::from("acme"),
        };
        Tokens {
            tokens: vec![token("any", "one", None), token("ssh", "two", Some(&["linux.sshd"]))],
            anonymous: Some(Arc::from("default")),
        }
    }

    #[test]
    fn a_token_opens_its_sources_only() {
        let name = |authorization: &[u8], source| tokens().check(Some(authorization), source).map(|sender| sender.name);

        assert_eq!(name(b"Bearer one", "okta.system").as_deref(), Ok("any"));
        assert_eq!(name(b"bearer two", "linux.sshd").as_deref(), Ok("ssh"));
        assert_eq!(name(b"Bearer two", "okta.system"), Err(Denied::OtherSource));
        assert_eq!(name(b"Bearer three", "linux.sshd"), Err(Denied::Unknown));
        assert_eq!(name(b"Basic one", "linux.sshd"), Err(Denied::Unknown));
        assert_eq!(name(b"", "linux.sshd"), Err(Denied::Unknown));
    }

    #[test]
    fn nobody_is_anonymous_where_there_are_tokens() {
        assert_eq!(tokens().check(None, "linux.sshd"), Err(Denied::Unknown));
        let without = Tokens {
            tokens: Vec::new(),
            ..tokens()
        };
        assert_eq!(
            without.check(None, "linux.sshd").map(|sender| sender.tenant).as_deref(),
            Ok("default")
        );
        assert_eq!(Tokens::default().check(None, "linux.sshd"), Err(Denied::Unknown));
    }
}
