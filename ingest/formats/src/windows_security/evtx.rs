//! Log files of Windows itself (EVTX). Reading them is the feature `evtx`; knowing them is not.

#[cfg(feature = "evtx")]
use std::sync::Arc;

#[cfg(feature = "evtx")]
use ::evtx::{EvtxChunkData, EvtxParser, EvtxRecord, ParserSettings};

/// How such a file begins.
const MAGIC: &[u8] = b"ElfFile\0";

/// Whether it is the contents of an EVTX file.
pub fn is_evtx(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC)
}

/// The records of an EVTX file, in the order of the file: each as JSON that `windows.security` reads, or
/// why it cannot be read. A damaged chunk (64 KiB) costs its own records only.
///
/// # Errors
/// If the file's own header cannot be read.
#[cfg(feature = "evtx")]
pub fn records_of_evtx(bytes: Vec<u8>) -> Result<impl Iterator<Item = Result<String, String>>, String> {
    let parser = EvtxParser::from_buffer(bytes).map_err(|error| format!("not an EVTX file: {error}"))?;
    let settings = Arc::new(ParserSettings::new().indent(false));
    let chunks = parser.into_chunks();
    Ok(chunks.flat_map(move |chunk| match chunk {
        Ok(chunk) => records(chunk, &settings),
        Err(error) => vec![Err(format!("a chunk cannot be read: {error}"))],
    }))
}

#[cfg(feature = "evtx")]
fn records(mut chunk: EvtxChunkData, settings: &Arc<ParserSettings>) -> Vec<Result<String, String>> {
    let mut chunk = match chunk.parse(Arc::clone(settings)) {
        Ok(chunk) => chunk,
        Err(error) => return vec![Err(format!("a chunk cannot be read: {error}"))],
    };
    let json = |record: ::evtx::err::Result<EvtxRecord<'_>>| {
        let json = record.and_then(EvtxRecord::into_json);
        json.map(|json| json.data).map_err(|error| error.to_string())
    };
    chunk.iter().map(json).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_its_beginning_makes_a_file_one() {
        assert!(is_evtx(b"ElfFile\0..."));
        assert!(!is_evtx(b"ElfFil"));
    }

    #[cfg(feature = "evtx")]
    #[test]
    fn what_is_no_such_file_is_an_error() {
        for bytes in [&b""[..], b"ElfFile\0", b"{\"Event\": {}}", &[b'E'; 5000]] {
            assert!(records_of_evtx(bytes.to_vec()).is_err());
        }
    }
}
