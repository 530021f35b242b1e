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
    sources: Option<BTreeSet<Arc<str>>>,
}

impl Sender {
    /// Whether the token opens this source.
    pub(super) fn may_send(&self, source: &str) -> bool {
        self.sources.as_ref().is_none_or(|sources| sources.contains(source))
    }

    /// The source of a token that is for one source only.
    pub(super) fn only_source(&self) -> Option<&str> {
        let sources = self.sources.as_ref()?;
        sources.first().filter(|_| sources.len() == 1).map(|source| &**source)
    }
}

impl Tokens {
    /// Who it is that sends with this secret; `None` if nobody may.
    pub(super) fn check(&self, secret: Option<&[u8]>) -> Option<Sender> {
        if self.tokens.is_empty()
            && let Some(tenant) = &self.anonymous
        {
            return Some(Sender {
                name: Arc::from("anonymous"),
                tenant: Arc::clone(tenant),
                sources: None,
            });
        }
        let token = self.find(blake3::hash(secret?).as_bytes())?;
        Some(Sender {
            name: Arc::clone(&token.name),
            tenant: Arc::clone(&token.tenant),
            sources: token.sources.clone(),
        })
    }

    /// Whether this secret is for `what` by name. A token that may send any source is for nothing else.
    pub fn is_for(&self, secret: &[u8], what: &str) -> bool {
        let token = self.find(blake3::hash(secret).as_bytes());
        token
            .and_then(|token| token.sources.as_ref())
            .is_some_and(|sources| sources.contains(what))
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
        let sender = |secret: &[u8]| tokens().check(Some(secret));
        let (any, ssh) = (sender(b"one").unwrap(), sender(b"two").unwrap());

        assert_eq!((&*any.name, any.only_source()), ("any", None));
        assert!(any.may_send("okta.system") && any.may_send("auto"));
        assert_eq!((&*ssh.name, ssh.only_source()), ("ssh", Some("linux.sshd")));
        assert!(ssh.may_send("linux.sshd") && !ssh.may_send("okta.system") && !ssh.may_send("auto"));
        assert_eq!(sender(b"three"), None);
        assert_eq!(sender(b""), None);
    }

    #[test]
    fn nobody_is_anonymous_where_there_are_tokens() {
        assert_eq!(tokens().check(None), None);
        let without = Tokens {
            tokens: Vec::new(),
            ..tokens()
        };
        assert_eq!(
            without.check(None).map(|sender| sender.tenant).as_deref(),
            Some("default")
        );
        assert_eq!(Tokens::default().check(None), None);
    }
}
