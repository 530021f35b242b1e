//! Reading log files record by record.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use anyhow::{Context, Result, bail};
use encoding_rs::{Encoding, UTF_8};
use sekisho_model::Time;
use sekisho_sources::unwrap;

/// The most bytes of a file that must be in memory whole: one JSON document, text of UTF-16, events of Windows.
const DOCUMENT_BYTES_MAX: u64 = 1 << 30;
/// The most bytes of a line; what is longer is cut, so that it becomes a reject.
const LINE_BYTES_MAX: u64 = 1 << 20;

/// The records of a file.
pub(super) enum Records {
    /// One a line.
    Lines(Box<dyn BufRead>),
    /// Elements of a JSON document.
    Elements(std::vec::IntoIter<Vec<u8>>),
}

impl std::fmt::Debug for Records {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Lines(_) => "Lines",
            Self::Elements(_) => "Elements",
        })
    }
}

/// Opens a file; a gzip file is read through.
pub(super) fn open(path: &Path) -> Result<Records> {
    let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    let mut reader = BufReader::with_capacity(1 << 18, file);
    if sekisho_formats::is_evtx(reader.fill_buf().unwrap_or_default()) {
        return windows_events(reader).with_context(|| format!("cannot read {}", path.display()));
    }
    let zipped = reader.fill_buf().is_ok_and(|head| head.starts_with(&[0x1f, 0x8b]));
    if zipped {
        from_reader(Box::new(BufReader::new(flate2::bufread::MultiGzDecoder::new(reader))))
    } else {
        from_reader(Box::new(reader))
    }
    .with_context(|| format!("cannot read {}", path.display()))
}

/// The records of a stream: elements where it is one JSON document, else one a line.
pub(super) fn from_reader(mut reader: Box<dyn BufRead>) -> Result<Records> {
    // What PowerShell and Excel call Unicode text.
    if let Some((wide, _)) = Encoding::for_bom(reader.fill_buf()?).filter(|(found, _)| *found != UTF_8) {
        let bytes = whole(reader)?;
        let text = wide.decode(&bytes).0.into_owned();
        return from_reader(Box::new(std::io::Cursor::new(text.into_bytes())));
    }
    if reader
        .fill_buf()?
        .trim_ascii_start()
        .first()
        .is_none_or(|byte| !b"[{".contains(byte))
    {
        return Ok(Records::Lines(reader));
    }
    let mut first = Vec::new();
    reader.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut first)?;
    let whole_value = serde_json::from_slice::<serde::de::IgnoredAny>(&first).is_ok();
    let more = !reader.fill_buf()?.is_empty();
    let rest = std::io::Cursor::new(first).chain(reader);
    if whole_value && more {
        return Ok(Records::Lines(Box::new(rest)));
    }
    let document = whole(rest)?;
    let elements: Vec<Vec<u8>> = unwrap::split(&document).into_iter().map(Vec::from).collect();
    Ok(Records::Elements(elements.into_iter()))
}

/// The events of a file of Windows; one that is damaged becomes a line of text, and so a reject.
fn windows_events(reader: impl Read) -> Result<Records> {
    let events = sekisho_formats::records_of_evtx(whole(reader)?).map_err(anyhow::Error::msg)?;
    let records: Vec<Vec<u8>> = events
        .map(|event| {
            event
                .unwrap_or_else(|error| format!("damaged event: {error}"))
                .into_bytes()
        })
        .collect();
    Ok(Records::Elements(records.into_iter()))
}

/// All of a stream that must be in memory whole.
fn whole(reader: impl Read) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(DOCUMENT_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > DOCUMENT_BYTES_MAX {
        bail!("a document of more than {DOCUMENT_BYTES_MAX} bytes; write one record a line in UTF-8 instead");
    }
    Ok(bytes)
}

impl Records {
    /// The next records, or none at the end. A line may hold several (`{"records":[…]}`).
    pub(super) fn next(&mut self) -> Result<Option<Vec<Vec<u8>>>> {
        match self {
            Self::Elements(elements) => Ok(elements.next().map(|element| vec![element])),
            Self::Lines(reader) => loop {
                let Some(line) = line(reader.as_mut())? else {
                    return Ok(None);
                };
                if line.trim_ascii().is_empty() {
                    continue;
                }
                if !line.trim_ascii_start().starts_with(b"{") {
                    return Ok(Some(vec![line]));
                }
                return Ok(Some(unwrap::split(&line).into_iter().map(Vec::from).collect()));
            },
        }
    }
}

/// The next line without its end; what is longer than the bound is cut and its rest skipped.
fn line(reader: &mut dyn BufRead) -> Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    if reader.take(LINE_BYTES_MAX).read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    if line.last() != Some(&b'\n') && u64::try_from(line.len()).unwrap_or(u64::MAX) == LINE_BYTES_MAX {
        reader.skip_until(b'\n')?;
    }
    while line.last().is_some_and(|byte| b"\r\n".contains(byte)) {
        line.pop();
    }
    Ok(Some(line))
}

/// When a file was last written, by which the year of its time stamps is inferred.
pub(super) fn written(path: &Path) -> Option<Time> {
    let modified = path.metadata().ok()?.modified().ok()?;
    jiff::Timestamp::try_from(modified).ok().map(Time::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(text: &'static str) -> Vec<String> {
        let mut records = from_reader(Box::new(text.as_bytes())).unwrap();
        let mut found = Vec::new();
        while let Some(next) = records.next().unwrap() {
            found.extend(next.into_iter().map(|record| String::from_utf8(record).unwrap()));
        }
        found
    }

    #[test]
    fn lines_documents_and_wrappers_give_their_records() {
        assert_eq!(records("a\r\n\nb"), ["a", "b"]);
        assert_eq!(records("{\"a\":1}\n{\"a\":2}\n"), ["{\"a\":1}", "{\"a\":2}"]);
        assert_eq!(records("[{\"a\":1},\n{\"a\":2}]"), ["{\"a\":1}", "{\"a\":2}"]);
        assert_eq!(
            records("{\"records\":[{\"a\":1},{\"a\":2}]}\n{\"a\":3}"),
            ["{\"a\":1}", "{\"a\":2}", "{\"a\":3}"]
        );
        assert_eq!(records("\u{feff}a\nb"), ["\u{feff}a", "b"]);
        assert_eq!(records("{\n \"Records\": [ {\"a\":1} ]\n}"), ["{\"a\":1}"]);
    }

    #[test]
    fn wide_text_is_read_as_any_other() {
        let wide: Vec<u8> = std::iter::once(0xfeff)
            .chain("日時\r\nb".encode_utf16())
            .flat_map(u16::to_le_bytes)
            .collect();
        let mut records = from_reader(Box::new(std::io::Cursor::new(wide))).unwrap();
        assert_eq!(records.next().unwrap().unwrap(), ["日時".as_bytes()]);
        assert_eq!(records.next().unwrap().unwrap(), [b"b"]);
    }
}
