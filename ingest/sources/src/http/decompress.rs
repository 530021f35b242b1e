//! From the bytes on the wire to the bytes that were meant, within bounds.

use std::io::{Cursor, Read};

use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};

use super::BODY_BYTES_MAX;
use super::answer::Refusal;

/// How many times larger than on the wire a body may be. Logs shrink to a twentieth or so; what
/// shrinks more is made to hurt.
const RATIO_MAX: usize = 200;

/// Below this size the ratio does not matter.
const RATIO_FREE_BYTES: usize = 1024 * 1024;

/// The largest window a zstd frame may ask for, as a power of two: 8 MiB, which is what RFC 8878
/// asks every decoder to bear.
const ZSTD_WINDOW_LOG_MAX: u32 = 23;

const GZIP_MAGIC: &[u8] = &[0x1f, 0x8b];
const ZSTD_MAGIC: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];

/// How a body is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packing {
    Plain,
    Gzip,
    Zstd,
    Deflate,
    /// One snappy block without a frame around it, as Loki's clients send it.
    Snappy,
}

impl Packing {
    /// By the `Content-Encoding` header, and without one by how the body begins: some senders pack
    /// and do not say so.
    pub(super) fn of(header: Option<&[u8]>, body: &[u8]) -> Result<Self, Refusal> {
        let named = header.unwrap_or_default().trim_ascii().to_ascii_lowercase();
        match named.as_slice() {
            b"" | b"identity" => Ok(Self::sniff(body)),
            b"gzip" | b"x-gzip" => Ok(Self::Gzip),
            b"zstd" => Ok(Self::Zstd),
            b"deflate" => Ok(Self::Deflate),
            b"snappy" => Ok(Self::Snappy),
            _ => Err(Refusal::Undecodable(format!(
                "the content encoding is {:?}, expected one of gzip, zstd, deflate, snappy",
                String::from_utf8_lossy(&named)
            ))),
        }
    }

    /// By how it begins.
    pub(super) fn sniff(body: &[u8]) -> Self {
        if body.starts_with(GZIP_MAGIC) {
            Self::Gzip
        } else if body.starts_with(ZSTD_MAGIC) {
            Self::Zstd
        } else {
            Self::Plain
        }
    }

    /// Unpacks `body`, at most to what is allowed.
    pub(super) fn unpack(self, body: Vec<u8>) -> Result<Vec<u8>, Refusal> {
        let bytes_max = BODY_BYTES_MAX.min(RATIO_FREE_BYTES.max(body.len().saturating_mul(RATIO_MAX)));
        let input = Cursor::new(body.as_slice());
        let unpacked = match self {
            Self::Plain => return Ok(body),
            Self::Snappy => return unsnap(&body, bytes_max),
            Self::Gzip => read(MultiGzDecoder::new(input), bytes_max),
            Self::Deflate if is_zlib(&body) => read(ZlibDecoder::new(input), bytes_max),
            Self::Deflate => read(DeflateDecoder::new(input), bytes_max),
            Self::Zstd => {
                let mut decoder = zstd::stream::read::Decoder::with_buffer(input).map_err(|error| self.bad(&error))?;
                decoder
                    .window_log_max(ZSTD_WINDOW_LOG_MAX)
                    .map_err(|error| self.bad(&error))?;
                read(decoder, bytes_max)
            }
        };
        let unpacked = unpacked.map_err(|error| self.bad(&error))?;
        if bytes_max < unpacked.len() {
            return Err(too_large(bytes_max));
        }
        if Self::sniff(&unpacked) == Self::Plain {
            Ok(unpacked)
        } else {
            Err(Refusal::Undecodable(
                "the body is packed twice, expected once".to_owned(),
            ))
        }
    }

    fn bad(self, error: &std::io::Error) -> Refusal {
        Refusal::Undecodable(format!("the body cannot be read as {}: {error}", self.name()))
    }

    fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Deflate => "deflate",
            Self::Snappy => "snappy",
        }
    }
}

/// A snappy block says how large it is; memory is taken only if that is allowed.
fn unsnap(body: &[u8], bytes_max: usize) -> Result<Vec<u8>, Refusal> {
    let bad = |error: snap::Error| Refusal::Undecodable(format!("the body cannot be read as snappy: {error}"));
    if bytes_max < snap::raw::decompress_len(body).map_err(bad)? {
        return Err(too_large(bytes_max));
    }
    snap::raw::Decoder::new().decompress_vec(body).map_err(bad)
}

fn too_large(bytes_max: usize) -> Refusal {
    Refusal::TooLarge(format!("the body is larger than {bytes_max} bytes when unpacked"))
}

/// Reads one byte more than allowed, to know whether there is one.
fn read(decoder: impl Read, bytes_max: usize) -> std::io::Result<Vec<u8>> {
    let limit = u64::try_from(bytes_max).unwrap_or(u64::MAX).saturating_add(1);
    let mut unpacked = Vec::new();
    decoder.take(limit).read_to_end(&mut unpacked)?;
    Ok(unpacked)
}

/// `deflate` means zlib, but some senders leave out its head.
fn is_zlib(body: &[u8]) -> bool {
    let Some([first, second]) = body.first_chunk::<2>() else {
        return false;
    };
    first & 0x0f == 8 && (u16::from(*first) * 256 + u16::from(*second)).is_multiple_of(31)
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

    fn unpack(header: &str, body: Vec<u8>) -> Result<Vec<u8>, Refusal> {
        Packing::of(Some(header.as_bytes()), &body)?.unpack(body)
    }

    #[test]
    fn each_packing_is_undone() {
        let text = b"{\"a\":1}\n".repeat(100);
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
        zlib.write_all(&text).unwrap();
        let mut raw = DeflateEncoder::new(Vec::new(), Compression::default());
        raw.write_all(&text).unwrap();

        assert_eq!(unpack("", text.clone()).unwrap(), text);
        assert_eq!(unpack("identity", text.clone()).unwrap(), text);
        assert_eq!(unpack("GZIP", gzip(&text)).unwrap(), text);
        assert_eq!(unpack("", gzip(&text)).unwrap(), text);
        assert_eq!(
            unpack("gzip", [gzip(&text), gzip(b"x")].concat()).unwrap(),
            [text.as_slice(), b"x"].concat()
        );
        assert_eq!(
            unpack("zstd", zstd::encode_all(text.as_slice(), 3).unwrap()).unwrap(),
            text
        );
        assert_eq!(unpack("", zstd::encode_all(text.as_slice(), 3).unwrap()).unwrap(), text);
        assert_eq!(unpack("deflate", zlib.finish().unwrap()).unwrap(), text);
        assert_eq!(unpack("deflate", raw.finish().unwrap()).unwrap(), text);
        let snappy = snap::raw::Encoder::new().compress_vec(&text).unwrap();
        assert_eq!(unpack("snappy", snappy).unwrap(), text);
    }

    #[test]
    fn a_bomb_is_refused_before_it_is_large() {
        let zeros = vec![b' '; 40 * 1024 * 1024];
        let bomb = gzip(&zeros);
        assert!(bomb.len() < 64 * 1024);

        assert!(matches!(unpack("gzip", bomb), Err(Refusal::TooLarge(_))));
        let bomb = zstd::encode_all(zeros.as_slice(), 3).unwrap();
        assert!(matches!(unpack("zstd", bomb), Err(Refusal::TooLarge(_))));
        // It claims 4 GiB, and has nothing.
        let bomb = vec![0xff, 0xff, 0xff, 0xff, 0x0f, 0];
        assert!(matches!(unpack("snappy", bomb), Err(Refusal::TooLarge(_))));
        let small = gzip(&vec![b' '; 900 * 1024]);
        assert!(unpack("gzip", small).is_ok());
    }

    #[test]
    fn a_zstd_frame_may_not_ask_for_a_huge_window() {
        let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 3).unwrap();
        encoder.window_log(27).unwrap();
        encoder.include_contentsize(false).unwrap();
        encoder.write_all(b"{}").unwrap();

        assert!(matches!(
            unpack("zstd", encoder.finish().unwrap()),
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
            assert!(matches!(unpack(header, body), Err(Refusal::Undecodable(_))), "{header}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_unpacked_or_refused(body in prop::collection::vec(any::<u8>(), 0..200), which in 0usize..5) {
            let header = ["", "gzip", "zstd", "deflate", "snappy"][which];
            if let Ok(unpacked) = unpack(header, body) {
                prop_assert!(unpacked.len() <= BODY_BYTES_MAX);
            }
        }
    }
}
