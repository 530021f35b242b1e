//! Where JSON values end, by their brackets and quotes.

/// Where a value ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scan {
    /// Before this place.
    End(usize),
    /// It is not a value, which was seen at this place.
    Broken(usize),
    /// The input ends before it does.
    Unended,
}

/// Whether one value may follow another without a comma between them. Where lines are values, it
/// must not: the first was cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Strict {
    /// It must not.
    Yes,
    /// Only the brackets count.
    No,
}

/// The first place from `place` on that is neither white space nor one of `also`.
pub(crate) fn skip_space(bytes: &[u8], place: usize, also: &[u8]) -> usize {
    let rest = bytes.get(place..).unwrap_or_default();
    let skipped = rest
        .iter()
        .position(|byte| !byte.is_ascii_whitespace() && !also.contains(byte));
    skipped.map_or(bytes.len(), |skipped| place + skipped)
}

/// The end of the array element that begins at `start`, and how far was read to find it. An element
/// that has no end of its own goes to the next comma.
pub(crate) fn element_end(bytes: &[u8], start: usize) -> (usize, usize) {
    let mut seen = start;
    if let Some(b'{' | b'[') = bytes.get(start) {
        seen = match nested_end(bytes, start, Strict::No) {
            Scan::End(end) if matches!(bytes.get(skip_space(bytes, end, b"")), None | Some(b',' | b']')) => {
                return (end, end);
            }
            Scan::End(seen) | Scan::Broken(seen) => seen,
            Scan::Unended => bytes.len(),
        };
    }
    let after = bytes.get(start + 1..).unwrap_or_default();
    let end = memchr::memchr3(b',', b']', b'\n', after).map_or(bytes.len(), |at| start + 1 + at);
    (end, seen.max(end))
}

/// The end of the object or array that begins at `start`.
pub(crate) fn nested_end(bytes: &[u8], start: usize, strict: Strict) -> Scan {
    let mut depth = 0_usize;
    let mut place = start;
    let mut after_value = false;
    while let Some(byte) = bytes.get(place) {
        match byte {
            b'{' | b'[' | b'"' if after_value && strict == Strict::Yes => return Scan::Broken(place),
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                after_value = true;
            }
            b'"' => {
                let Scan::End(end) = string_end(bytes, place) else {
                    return string_end(bytes, place);
                };
                place = end - 1;
                after_value = true;
            }
            b',' | b':' => after_value = false,
            byte => after_value |= !byte.is_ascii_whitespace(),
        }
        if depth == 0 {
            let is_pair = matches!((bytes.get(start), byte), (Some(b'{'), b'}') | (Some(b'['), b']'));
            return if is_pair {
                Scan::End(place + 1)
            } else {
                Scan::Broken(place)
            };
        }
        place += 1;
    }
    Scan::Unended
}

/// The end of the string that begins at `start`. A line end within is no string.
pub(crate) fn string_end(bytes: &[u8], start: usize) -> Scan {
    let mut place = start + 1;
    loop {
        let Some(rest) = bytes.get(place..) else {
            return Scan::Unended;
        };
        let Some(at) = memchr::memchr3(b'"', b'\\', b'\n', rest) else {
            return Scan::Unended;
        };
        place += at;
        match bytes.get(place) {
            Some(b'"') => return Scan::End(place + 1),
            Some(b'\\') => place += 2,
            _ => return Scan::Broken(place),
        }
    }
}

/// The members of an object: the key as it is written, and where the value lies. `None` in place of a
/// member ends it: this is no object.
pub(crate) fn members(object: &[u8]) -> impl Iterator<Item = Option<(&[u8], usize, usize)>> {
    let mut place = 1;
    let mut ended = object.first() != Some(&b'{');
    std::iter::from_fn(move || {
        let start = skip_space(object, place, b",");
        if ended || object.get(start) == Some(&b'}') {
            return None;
        }
        let found = member(object, start);
        match found {
            Some((_, _, end)) => place = end,
            None => ended = true,
        }
        Some(found)
    })
}

fn member(object: &[u8], start: usize) -> Option<(&[u8], usize, usize)> {
    if object.get(start) != Some(&b'"') {
        return None;
    }
    let Scan::End(key_end) = string_end(object, start) else {
        return None;
    };
    let key = object.get(start + 1..key_end - 1)?;
    let colon = skip_space(object, key_end, b"");
    if object.get(colon) != Some(&b':') {
        return None;
    }
    let value = skip_space(object, colon + 1, b"");
    let end = match object.get(value)? {
        b'{' | b'[' => nested_end(object, value, Strict::Yes),
        b'"' => string_end(object, value),
        _ => {
            let rest = object.get(value..)?;
            rest.iter()
                .position(|byte| matches!(byte, b',' | b'}'))
                .map_or(Scan::Unended, |at| Scan::End(value + at))
        }
    };
    match end {
        Scan::End(end) => Some((key, value, end)),
        Scan::Broken(_) | Scan::Unended => None,
    }
}
