//! Rules that configure a detector which Sigma cannot express.

use crate::meta::Meta;
use crate::problem::Fault;
use crate::yaml::Node;

/// A rule of `type: native`.
#[derive(Clone, Debug, PartialEq)]
pub struct NativeRule {
    /// What it says about itself.
    pub meta: Meta,
    /// The name of the detector.
    pub detector: String,
    /// Its parameters.
    pub parameters: serde_json::Value,
    /// The line of the detector's name.
    pub line: u32,
}

impl NativeRule {
    pub(crate) fn parse(meta: Meta, node: &Node) -> Result<Self, Fault> {
        let detector = node.need("detector", "the name of a native detector")?;
        let parameters = match node.get("parameters") {
            None => serde_json::Value::Object(serde_json::Map::new()),
            Some(parameters) => {
                parameters.map("parameters")?;
                parameters.to_json()
            }
        };
        Ok(Self {
            meta,
            detector: detector.text("detector")?,
            parameters,
            line: detector.line,
        })
    }
}
