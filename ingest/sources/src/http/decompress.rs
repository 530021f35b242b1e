//! From the bytes on the wire to the bytes that were meant.

use super::answer::Refusal;
use crate::packing::{Packing, UnpackError};

const GZIP_MAGIC: &[u8] = &[0x1f, 0x8b];
const ZSTD_MAGIC: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];

/// How a body is packed; none if it is not.
pub(super) fn packing_of(header: Option<&[u8]>, body: &[u8]) -> Result<Option<Packing>, Refusal> {
    let named = header.unwrap_or_default().trim_ascii().to_ascii_lowercase();
    match named.as_slice() {
        // Some senders pack and do not say so.
        b"" | b"identity" => Ok(sniff(body)),
        b"gzip" | b"x-gzip" => Ok(Some(Packing::Gzip)),
        b"zstd" => Ok(Some(Packing::Zstd)),
        b"deflate" => Ok(Some(Packing::Deflate)),
        b"snappy" => Ok(Some(Packing::Snappy)),
        _ => Err(Refusal::Undecodable(format!(
            "the content encoding is {:?}, expected one of gzip, zstd, deflate, snappy",
            String::from_utf8_lossy(&named)
        ))),
    }
}

/// By how a body begins.
pub(super) fn sniff(body: &[u8]) -> Option<Packing> {
    if body.starts_with(GZIP_MAGIC) {
        Some(Packing::Gzip)
    } else if body.starts_with(ZSTD_MAGIC) {
        Some(Packing::Zstd)
    } else {
        None
    }
}

/// Unpacks a body, at most to what is allowed.
pub(super) fn unpack(packing: Packing, body: &[u8]) -> Result<Vec<u8>, Refusal> {
    let unpacked = packing.unpack(body).map_err(|error| match error {
        UnpackError::TooLarge { bytes_max } => {
            Refusal::TooLarge(format!("the body is larger than {bytes_max} bytes when unpacked"))
        }
        UnpackError::Unreadable { .. } => Refusal::Undecodable(format!("the body {error}")),
    })?;
    // Snappy's blocks have no magic, and may begin like anything.
    if packing != Packing::Snappy && sniff(&unpacked).is_some() {
        return Err(Refusal::Undecodable(
            "the body is packed twice, expected once".to_owned(),
        ));
    }
    Ok(unpacked)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
    use proptest::prelude::*;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn unpacked(header: &str, body: Vec<u8>) -> Result<Vec<u8>, Refusal> {
        match packing_of(Some(header.as_bytes()), &body)? {
            Some(packing) => unpack(packing, &body),
            None => Ok(body),
        }
    }

    #[test]
    fn each_packing_is_undone() {
        let text = b"{\"a\":1}\n".repeat(100);
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
        zlib.write_all(&text).unwrap();
        let mut raw = DeflateEncoder::new(Vec::new(), Compression::default());
        raw.write_all(&text).unwrap();

        assert_eq!(unpacked("", text.clone()).unwrap(), text);
        assert_eq!(unpacked("identity", text.clone()).unwrap(), text);
        assert_eq!(unpacked("GZIP", gzip(&text)).unwrap(), text);
        assert_eq!(unpacked("", gzip(&text)).unwrap(), text);
        assert_eq!(
            unpacked("gzip", [gzip(&text), gzip(b"x")].concat()).unwrap(),
            [text.as_slice(), b"x"].concat()
        );
        assert_eq!(
            unpacked("zstd", zstd::encode_all(text.as_slice(), 3).unwrap()).unwrap(),
            text
        );
        assert_eq!(
            unpacked("", zstd::encode_all(text.as_slice(), 3).unwrap()).unwrap(),
            text
        );
        assert_eq!(unpacked("deflate", zlib.finish().unwrap()).unwrap(), text);
        assert_eq!(unpacked("deflate", raw.finish().unwrap()).unwrap(), text);
        let snappy = snap::raw::Encoder::new().compress_vec(&text).unwrap();
        assert_eq!(unpacked("snappy", snappy).unwrap(), text);
    }

    #[test]
    fn a_bomb_is_refused_before_it_is_large() {
        let zeros = vec![b' '; 40 * 1024 * 1024];
        let bomb = gzip(&zeros);
        assert!(bomb.len() < 64 * 1024);

        assert!(matches!(unpacked("gzip", bomb), Err(Refusal::TooLarge(_))));
        let bomb = zstd::encode_all(zeros.as_slice(), 3).unwrap();
        assert!(matches!(unpacked("zstd", bomb), Err(Refusal::TooLarge(_))));
        // It claims 4 GiB, and has nothing.
        let bomb = vec![0xff, 0xff, 0xff, 0xff, 0x0f, 0];
        assert!(matches!(unpacked("snappy", bomb), Err(Refusal::TooLarge(_))));
        let small = gzip(&vec![b' '; 900 * 1024]);
        assert!(unpacked("gzip", small).is_ok());
    }

    #[test]
    fn a_zstd_frame_may_not_ask_for_a_huge_window() {
        let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 3).unwrap();
        encoder.window_log(27).unwrap();
        encoder.include_contentsize(false).unwrap();
        encoder.write_all(b"{}").unwrap();

        assert!(matches!(
            unpacked("zstd", encoder.finish().unwrap()),
            Err(Refusal::Undecodable(_))
        ));
    }

    #[test]
    fn what_cannot_be_unpacked_is_refused() {
        for (header, body) in [
            ("gzip", b"{}".to_vec()),
            ("br", b"{}".to_vec()),
            ("gzip, gzip", gzip(&gzip(b"{}"))),
            ("gzip", gzip(&gzip(b"{}"))),
            ("gzip", gzip(b"{\"a\":1}")[..15].to_vec()),
            ("zstd", vec![1, 2, 3]),
            ("snappy", vec![0xff, 0x7f, 1]),
        ] {
            assert!(
                matches!(unpacked(header, body), Err(Refusal::Undecodable(_))),
                "{header}"
            );
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_unpacked_or_refused(body in prop::collection::vec(any::<u8>(), 0..200), which in 0usize..5) {
            let header = ["", "gzip", "zstd", "deflate", "snappy"][which];
            if let Ok(bytes) = unpacked(header, body) {
                prop_assert!(bytes.len() <= crate::packing::UNPACKED_BYTES_MAX);
            }
        }
    }
}
