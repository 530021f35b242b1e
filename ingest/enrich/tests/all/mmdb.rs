//! Writes small databases in the format of `MaxMind`, as its specification says.

/// A value of a record.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Text(&'static str),
    Double(f64),
    Float(f32),
    U16(u16),
    U32(u32),
    I32(i32),
    U64(u64),
    U128(u128),
    Flag(bool),
    List(Vec<Value>),
    Map(Vec<(&'static str, Value)>),
}

pub(crate) fn map(entries: impl Into<Vec<(&'static str, Value)>>) -> Value {
    Value::Map(entries.into())
}

/// A database of IPv4 networks, each an address, the length of its prefix and a record.
pub(crate) fn database(database_type: &'static str, networks: &[([u8; 4], u32, Value)]) -> Vec<u8> {
    let mut data = Vec::new();
    let mut ends = Vec::new();
    for (address, length, record) in networks {
        ends.push((u32::from_be_bytes(*address), *length, data.len() as u32));
        encode(record, &mut data);
    }
    let tree = Tree::of(&ends);
    let mut bytes = tree.bytes();
    bytes.extend([0; 16]);
    bytes.extend(data);
    bytes.extend(b"\xab\xcd\xefMaxMind.com");
    let metadata = map([
        ("binary_format_major_version", Value::U16(2)),
        ("binary_format_minor_version", Value::U16(0)),
        ("build_epoch", Value::U64(1_793_491_200)),
        ("database_type", Value::Text(database_type)),
        ("description", map([])),
        ("ip_version", Value::U16(4)),
        ("languages", Value::List(Vec::new())),
        ("node_count", Value::U32(tree.nodes.len() as u32)),
        ("record_size", Value::U16(32)),
    ]);
    encode(&metadata, &mut bytes);
    bytes
}

#[derive(Clone, Copy)]
enum Child {
    Nothing,
    Node(u32),
    Data(u32),
}

struct Tree {
    nodes: Vec<[Child; 2]>,
}

impl Tree {
    fn of(ends: &[(u32, u32, u32)]) -> Self {
        let mut tree = Self {
            nodes: vec![[Child::Nothing; 2]],
        };
        for (address, length, offset) in ends {
            let side = |bit: u32| ((address >> (31 - bit)) & 1) as usize;
            let node = (0..length - 1).fold(0, |node, bit| tree.step(node, side(bit)));
            tree.nodes[node][side(length - 1)] = Child::Data(*offset);
        }
        tree
    }

    fn step(&mut self, node: usize, side: usize) -> usize {
        if let Child::Node(next) = self.nodes[node][side] {
            return next as usize;
        }
        self.nodes.push([Child::Nothing; 2]);
        self.nodes[node][side] = Child::Node(self.nodes.len() as u32 - 1);
        self.nodes.len() - 1
    }

    fn bytes(&self) -> Vec<u8> {
        let count = self.nodes.len() as u32;
        let pointer = |child: &Child| match child {
            Child::Nothing => count,
            Child::Node(node) => *node,
            Child::Data(offset) => count + 16 + offset,
        };
        self.nodes
            .iter()
            .flatten()
            .flat_map(|child| pointer(child).to_be_bytes())
            .collect()
    }
}

fn encode(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Text(text) => head(2, text.len(), out, text.as_bytes()),
        Value::Double(number) => head(3, 8, out, &number.to_be_bytes()),
        Value::U16(number) => head(5, 2, out, &number.to_be_bytes()),
        Value::U32(number) => head(6, 4, out, &number.to_be_bytes()),
        Value::I32(number) => head(8, 4, out, &number.to_be_bytes()),
        Value::U64(number) => head(9, 8, out, &number.to_be_bytes()),
        Value::U128(number) => head(10, 16, out, &number.to_be_bytes()),
        Value::Flag(flag) => head(14, usize::from(*flag), out, &[]),
        Value::Float(number) => head(15, 4, out, &number.to_be_bytes()),
        Value::List(items) => {
            head(11, items.len(), out, &[]);
            for item in items {
                encode(item, out);
            }
        }
        Value::Map(entries) => {
            head(7, entries.len(), out, &[]);
            for (key, value) in entries {
                encode(&Value::Text(key), out);
                encode(value, out);
            }
        }
    }
}

/// The control byte of a type, of its size, and the payload; sizes up to 284.
fn head(kind: u8, size: usize, out: &mut Vec<u8>, payload: &[u8]) {
    let (short, long) = if size < 29 {
        (size as u8, None)
    } else {
        (29, Some((size - 29) as u8))
    };
    if kind < 8 {
        out.push(kind << 5 | short);
    } else {
        out.extend([short, kind - 7]);
    }
    out.extend(long);
    out.extend(payload);
}
