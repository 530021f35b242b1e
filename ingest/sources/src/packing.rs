//! Undoing what bodies and frames are packed with, within bounds.

use std::io::{self, Read};

use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};

/// The largest body or frame after it was unpacked: it becomes one frame of the spool, whole or not at all.
pub(crate) const UNPACKED_BYTES_MAX: usize = 32 * 1024 * 1024;

/// How many times larger than on the wire it may be. Logs shrink to a twentieth or so; what shrinks more is
/// made to hurt.
pub(crate) const RATIO_MAX: usize = 200;

/// Below this size the ratio does not matter.
const RATIO_FREE_BYTES: usize = 1024 * 1024;

/// The largest window a zstd frame may ask for, as a power of two: 8 MiB, which is what RFC 8878
/// asks every decoder to bear.
pub(crate) const ZSTD_WINDOW_LOG_MAX: u32 = 23;

/// How something is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packing {
    Gzip,
    Zstd,
    /// With the head of zlib, or without: some senders leave it out.
    Deflate,
    /// One snappy block without a frame around it, as Loki's clients send it.
    Snappy,
}

/// Why it cannot be unpacked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UnpackError {
    #[error("cannot be read as {}: {source}", packing.name())]
    Unreadable { packing: Packing, source: io::Error },
    #[error("has more than {bytes_max} bytes when unpacked; its sender has to send less at once")]
    TooLarge { bytes_max: usize },
}

impl Packing {
    /// Unpacks `packed`, at most to what is allowed.
    pub(crate) fn unpack(self, packed: &[u8]) -> Result<Vec<u8>, UnpackError> {
        let bytes_max = UNPACKED_BYTES_MAX.min(RATIO_FREE_BYTES.max(packed.len().saturating_mul(RATIO_MAX)));
        let unpacked = match self {
            Self::Gzip => read(MultiGzDecoder::new(packed), bytes_max),
            Self::Deflate if is_zlib(packed) => read(ZlibDecoder::new(packed), bytes_max),
            Self::Deflate => read(DeflateDecoder::new(packed), bytes_max),
            Self::Zstd => zstd::stream::read::Decoder::with_buffer(packed).and_then(|mut decoder| {
                decoder.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
                read(decoder, bytes_max)
            }),
            Self::Snappy => unsnap(packed, bytes_max),
        };
        let unpacked = unpacked.map_err(|source| UnpackError::Unreadable { packing: self, source })?;
        if bytes_max < unpacked.len() {
            return Err(UnpackError::TooLarge { bytes_max });
        }
        Ok(unpacked)
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Deflate => "deflate",
            Self::Snappy => "snappy",
        }
    }
}

/// A snappy block says how large it is; memory is taken only for what is allowed and a byte more.
fn unsnap(packed: &[u8], bytes_max: usize) -> io::Result<Vec<u8>> {
    let size = snap::raw::decompress_len(packed)?;
    if bytes_max < size {
        return Ok(vec![0; bytes_max.saturating_add(1)]);
    }
    Ok(snap::raw::Decoder::new().decompress_vec(packed)?)
}

/// Whether it begins with the head of zlib.
fn is_zlib(packed: &[u8]) -> bool {
    let Some([first, second]) = packed.first_chunk::<2>() else {
        return false;
    };
    first & 0x0f == 8 && (u16::from(*first) * 256 + u16::from(*second)).is_multiple_of(31)
}

/// Reads one byte more than allowed, to know whether there is one.
fn read(decoder: impl Read, bytes_max: usize) -> io::Result<Vec<u8>> {
    let limit = u64::try_from(bytes_max).unwrap_or(u64::MAX).saturating_add(1);
    let mut unpacked = Vec::new();
    decoder.take(limit).read_to_end(&mut unpacked)?;
    Ok(unpacked)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::{GzEncoder, ZlibEncoder};
    use proptest::prelude::*;

    use super::*;

    fn packed(packing: Packing, bytes: &[u8]) -> Vec<u8> {
        match packing {
            Packing::Deflate => {
                let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
                encoder.write_all(bytes).unwrap();
                encoder.finish().unwrap()
            }
            Packing::Gzip => {
                let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
                encoder.write_all(bytes).unwrap();
                encoder.finish().unwrap()
            }
            Packing::Zstd => zstd::encode_all(bytes, 3).unwrap(),
            Packing::Snappy => snap::raw::Encoder::new().compress_vec(bytes).unwrap(),
        }
    }

    const ALL: [Packing; 4] = [Packing::Deflate, Packing::Gzip, Packing::Zstd, Packing::Snappy];

    #[test]
    fn each_packing_is_undone_and_a_cut_one_is_refused() {
        let text = b"{\"a\":1}".repeat(100);
        for packing in ALL {
            let packed = packed(packing, &text);
            assert_eq!(packing.unpack(&packed).unwrap(), text);
            let cut = packing.unpack(&packed[..packed.len() - 1]);
            assert!(matches!(cut, Err(UnpackError::Unreadable { .. })), "{packing:?}");
        }
    }

    #[test]
    fn gzip_and_zstd_may_come_in_pieces() {
        for packing in [Packing::Gzip, Packing::Zstd] {
            let pieces = [packed(packing, b"one"), packed(packing, b"two")].concat();
            assert_eq!(packing.unpack(&pieces).unwrap(), b"onetwo", "{packing:?}");
        }
    }

    #[test]
    fn a_bomb_is_refused_before_it_is_large() {
        let zeros = vec![0; 40 * 1024 * 1024];
        for packing in ALL {
            let bomb = packed(packing, &zeros);
            // Snappy hardly packs better than to a twentieth.
            assert!(bomb.len() < 64 * 1024 || packing == Packing::Snappy);
            let refused = packing.unpack(&bomb);
            assert!(matches!(refused, Err(UnpackError::TooLarge { .. })), "{packing:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_unpacked_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200), which in 0usize..4) {
            if let Ok(unpacked) = ALL[which].unpack(&bytes) {
                prop_assert!(unpacked.len() <= UNPACKED_BYTES_MAX);
            }
        }
    }
}
