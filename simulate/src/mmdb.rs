//! Writes databases in the format of `MaxMind`, version 2.0.

use std::collections::HashMap;
use std::net::IpAddr;

/// When the databases say they were built: 2026-03-25.
const BUILT: u64 = 1_774_396_800;
/// Between the tree and the data are so many zeros.
const GAP_BYTES: u32 = 16;

/// A value of a record.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Text(String),
    Double(f64),
    Small(u16),
    Whole(u32),
    Large(u64),
    Flag(bool),
    List(Vec<Value>),
    Map(Vec<(&'static str, Value)>),
}

/// A database that grows.
#[derive(Debug)]
pub(crate) struct Database {
    name: &'static str,
    nodes: Vec<[Child; 2]>,
    data: Vec<u8>,
    /// Where each record was written, so that equal records stand there once.
    known: HashMap<Vec<u8>, u32>,
}

#[derive(Clone, Copy, Debug)]
enum Child {
    Nothing,
    Node(u32),
    Data(u32),
}

impl Database {
    /// An empty database that calls itself `name`.
    pub(crate) fn new(name: &'static str) -> Self {
        Self {
            name,
            nodes: vec![[Child::Nothing; 2]],
            data: Vec::new(),
            known: HashMap::new(),
        }
    }

    /// Adds the record of one address; of an IPv6 address, of the 64 bits that a site has.
    pub(crate) fn insert(&mut self, address: IpAddr, record: &Value) {
        // IPv4 stands in the tree under ::/96.
        let (bits, length) = match address {
            IpAddr::V4(address) => (u128::from(u32::from(address)), 128),
            IpAddr::V6(address) => (u128::from(address), 64),
        };
        let mut bytes = Vec::new();
        record.encode(&mut bytes);
        let end = place(self.data.len());
        let offset = *self.known.entry(bytes.clone()).or_insert(end);
        if offset == end {
            self.data.extend(bytes);
        }
        let side = |depth: u32| usize::from((bits >> (127 - depth)) & 1 == 1);
        let node = (0..length - 1).fold(0, |node, depth| self.step(node, side(depth)));
        self.set(node, side(length - 1), Child::Data(offset));
    }

    fn step(&mut self, node: u32, side: usize) -> u32 {
        if let Child::Node(next) = self.child(node, side) {
            return next;
        }
        let next = place(self.nodes.len());
        self.nodes.push([Child::Nothing; 2]);
        self.set(node, side, Child::Node(next));
        next
    }

    fn child(&self, node: u32, side: usize) -> Child {
        let children = usize::try_from(node).ok().and_then(|node| self.nodes.get(node));
        children
            .and_then(|children| children.get(side))
            .copied()
            .unwrap_or(Child::Nothing)
    }

    fn set(&mut self, node: u32, side: usize, child: Child) {
        let children = usize::try_from(node).ok().and_then(|node| self.nodes.get_mut(node));
        if let Some(place) = children.and_then(|children| children.get_mut(side)) {
            *place = child;
        }
    }

    /// The bytes of the file.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let count = place(self.nodes.len());
        let pointer = |child: &Child| match child {
            Child::Nothing => count,
            Child::Node(node) => *node,
            Child::Data(offset) => count + GAP_BYTES + offset,
        };
        let mut bytes: Vec<u8> = self
            .nodes
            .iter()
            .flatten()
            .flat_map(|child| pointer(child).to_be_bytes())
            .collect();
        bytes.extend((0..GAP_BYTES).map(|_| 0));
        bytes.extend(&self.data);
        bytes.extend(b"\xab\xcd\xefMaxMind.com");
        self.metadata(count).encode(&mut bytes);
        bytes
    }

    fn metadata(&self, count: u32) -> Value {
        Value::Map(vec![
            ("binary_format_major_version", Value::Small(2)),
            ("binary_format_minor_version", Value::Small(0)),
            ("build_epoch", Value::Large(BUILT)),
            ("database_type", Value::Text(self.name.to_owned())),
            ("description", Value::Map(Vec::new())),
            ("ip_version", Value::Small(6)),
            ("languages", Value::List(Vec::new())),
            ("node_count", Value::Whole(count)),
            ("record_size", Value::Small(32)),
        ])
    }
}

fn place(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

impl Value {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Text(text) => payload(2, text.as_bytes(), out),
            Self::Double(number) => payload(3, &number.to_be_bytes(), out),
            Self::Small(number) => payload(5, &number.to_be_bytes(), out),
            Self::Whole(number) => payload(6, &number.to_be_bytes(), out),
            Self::Large(number) => payload(9, &number.to_be_bytes(), out),
            Self::Flag(flag) => head(14, usize::from(*flag), out),
            Self::List(items) => {
                head(11, items.len(), out);
                for item in items {
                    item.encode(out);
                }
            }
            Self::Map(entries) => {
                head(7, entries.len(), out);
                for (key, value) in entries {
                    payload(2, key.as_bytes(), out);
                    value.encode(out);
                }
            }
        }
    }
}

fn payload(kind: u8, bytes: &[u8], out: &mut Vec<u8>) {
    head(kind, bytes.len(), out);
    out.extend(bytes);
}

/// The control byte of a type and of its size, which is at most 284.
fn head(kind: u8, size: usize, out: &mut Vec<u8>) {
    let short = u8::try_from(size.min(29)).unwrap_or(29);
    if kind < 8 {
        out.push(kind << 5 | short);
    } else {
        out.extend([short, kind - 7]);
    }
    if size >= 29 {
        out.push(u8::try_from(size - 29).unwrap_or(u8::MAX));
    }
}
