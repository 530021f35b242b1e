//! Access tokens of the HTTP door, kept as hashes in `sekisho.sqlite`.

use std::path::Path;

use anyhow::{Context, Result};
use ring::rand::{SecureRandom, SystemRandom};
use rusqlite::Connection;
use sekisho_model::Time;

/// Random bytes of a token: not to be guessed in the life of the sun.
const TOKEN_BYTES: usize = 32;
/// What a token begins with, so that a leaked one can be recognised.
const PREFIX: &str = "sekisho_";

/// A token as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TokenRow {
    /// BLAKE3 of the token.
    pub(crate) hash: [u8; 32],
    /// The parser id whose records it may send, or `any`.
    pub(crate) source: String,
    /// Whose records they are.
    pub(crate) tenant: String,
    /// When it was made.
    pub(crate) created: Time,
}

impl TokenRow {
    /// By what people name it: the beginning of its hash.
    pub(crate) fn name(&self) -> String {
        let hash = blake3::Hash::from_bytes(self.hash).to_hex();
        hash.get(..NAME_DIGITS).unwrap_or_default().to_owned()
    }
}

/// Digits of a token's name: two of a thousand tokens share one in less than one case of a million.
const NAME_DIGITS: usize = 12;

fn open(data: &Path) -> Result<Connection> {
    std::fs::create_dir_all(data).with_context(|| format!("cannot make {}", data.display()))?;
    let connection = Connection::open(data.join("sekisho.sqlite"))?;
    // Alerts and tokens are for the user of the service alone.
    std::fs::set_permissions(
        data.join("sekisho.sqlite"),
        std::os::unix::fs::PermissionsExt::from_mode(0o600),
    )?;
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    connection.execute(
        "CREATE TABLE IF NOT EXISTS tokens (hash BLOB PRIMARY KEY, source TEXT NOT NULL, tenant TEXT NOT NULL, created_us INTEGER NOT NULL)",
        [],
    )?;
    Ok(connection)
}

/// Makes a token; only its hash is kept.
pub(crate) fn create(data: &Path, source: &str, tenant: &str, now: Time) -> Result<String> {
    let mut random = [0_u8; TOKEN_BYTES];
    SystemRandom::new()
        .fill(&mut random)
        .map_err(|_| anyhow::anyhow!("the machine gives no random bytes"))?;
    let token = format!("{PREFIX}{}", blake3::Hash::from_bytes(random).to_hex());
    let hash = blake3::hash(token.as_bytes());
    open(data)?.execute(
        "INSERT INTO tokens (hash, source, tenant, created_us) VALUES (?1, ?2, ?3, ?4)",
        (hash.as_bytes(), source, tenant, now.0),
    )?;
    Ok(token)
}

/// The tokens that were made.
pub(crate) fn list(data: &Path) -> Result<Vec<TokenRow>> {
    let connection = open(data)?;
    let mut statement =
        connection.prepare("SELECT hash, source, tenant, created_us FROM tokens ORDER BY created_us")?;
    let rows = statement.query_map([], |row| {
        Ok(TokenRow {
            hash: row.get(0)?,
            source: row.get(1)?,
            tenant: row.get(2)?,
            created: Time(row.get(3)?),
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Revokes the token of that name; whether there was one.
pub(crate) fn revoke(data: &Path, name: &str) -> Result<bool> {
    let Some(token) = list(data)?.into_iter().find(|token| token.name() == name) else {
        return Ok(false);
    };
    open(data)?.execute("DELETE FROM tokens WHERE hash = ?1", [token.hash])?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_kept_as_its_hash_only() {
        let dir = tempfile::tempdir().unwrap();
        let token = create(dir.path(), "entra.signin", "default", Time(0)).unwrap();
        let kept = list(dir.path()).unwrap();
        assert_eq!(kept.len(), 1);
        assert_eq!(&kept[0].hash, blake3::hash(token.as_bytes()).as_bytes());
        let file = std::fs::read(dir.path().join("sekisho.sqlite")).unwrap();
        assert!(!file.windows(token.len()).any(|window| window == token.as_bytes()));
    }

    #[test]
    fn a_token_is_revoked_by_its_name() {
        let dir = tempfile::tempdir().unwrap();
        create(dir.path(), "entra.signin", "default", Time(0)).unwrap();
        create(dir.path(), "any", "default", Time(1)).unwrap();
        let name = list(dir.path()).unwrap()[0].name();
        assert!(!revoke(dir.path(), "000000000000").unwrap());
        assert!(revoke(dir.path(), &name).unwrap());
        let left = list(dir.path()).unwrap();
        assert_eq!(
            left.iter().map(|token| token.source.as_str()).collect::<Vec<_>>(),
            ["any"]
        );
    }
}
