//! Events as XML, as Windows renders them and some shippers send them.
//!
//! Text is given the shape that the same event has as JSON, so that one reader reads both.

use std::borrow::Cow;

use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;

use crate::json::Json;

/// How deeply elements may be nested. `UserData` reaches 4; each level costs memory only.
const DEPTH_MAX: usize = 32;
/// The most elements of an event. The largest of the Security channel has some forty.
const ELEMENTS_MAX: usize = 1024;
/// The most attributes of an element. Windows writes two.
const ATTRIBUTES_MAX: usize = 16;

type Members = Vec<(Cow<'static, str>, Json<'static>)>;

/// An element that is not closed yet.
#[derive(Default)]
struct Open {
    tag: String,
    /// What an attribute `Name` says.
    name: Option<String>,
    members: Members,
    text: String,
}

impl Open {
    fn of(element: &BytesStart<'_>) -> Self {
        let mut open = Self {
            tag: element.local_name().as_ref().to_owned(),
            ..Self::default()
        };
        // Looking for attributes that stand twice takes time that is quadratic in their number.
        let mut attributes = element.attributes();
        let attributes = attributes.with_checks(false).take(ATTRIBUTES_MAX).flatten();
        for attribute in attributes {
            let key = attribute.key.local_name().as_ref().to_owned();
            let Ok(value) = attribute.normalized_value(XmlVersion::Implicit1_0) else {
                continue;
            };
            if key == "Name" {
                open.name = Some(value.clone().into_owned());
            }
            open.members
                .push((Cow::Owned(key), Json::Text(Cow::Owned(value.into_owned()))));
        }
        open
    }

    /// `<Data Name="TargetUserName">hana</Data>` is a member of that name; an element without
    /// children and attributes is its text.
    fn close(self) -> (Cow<'static, str>, Json<'static>) {
        let text = Json::Text(Cow::Owned(self.text.trim().to_owned()));
        match self.name {
            Some(name) if self.tag == "Data" => (Cow::Owned(name), text),
            _ if self.members.is_empty() => (Cow::Owned(self.tag), text),
            _ => {
                let mut members = self.members;
                members.push((Cow::Borrowed("#text"), text));
                (Cow::Owned(self.tag), Json::Object(members))
            }
        }
    }
}

/// Reads an event.
pub(super) fn parse(text: &str) -> Result<Json<'static>, String> {
    let mut reader = Reader::from_str(text);
    let mut open = vec![Open::default()];
    let mut elements = 0_usize;
    loop {
        let event = reader.read_event().map_err(|error| format!("not XML: {error}"))?;
        match event {
            Event::Start(element) => open.push(Open::of(&element)),
            Event::Empty(element) => close(&mut open, Open::of(&element)),
            Event::End(_) => {
                if let Some(element) = open.pop() {
                    close(&mut open, element);
                }
            }
            Event::Text(text) => add(&mut open, &text.xml10_content()),
            Event::CData(text) => add(&mut open, &text.xml10_content()),
            Event::GeneralRef(reference) => add(&mut open, &referred(&reference)),
            Event::DocType(_) => return Err("not an event: it declares a document type".to_owned()),
            Event::Eof => break,
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
        }
        elements += 1;
        // Every element gives up to three events: its start, its text, its end.
        if DEPTH_MAX < open.len() || ELEMENTS_MAX * 3 < elements {
            return Err(format!(
                "not an event: more than {DEPTH_MAX} levels or {ELEMENTS_MAX} elements"
            ));
        }
        if open.len() == 1 && open.first().is_some_and(|document| !document.members.is_empty()) {
            // What follows the event is not read: some senders put a mark behind it.
            break;
        }
    }
    match (open.len(), open.pop()) {
        (1, Some(document)) if !document.members.is_empty() => Ok(Json::Object(document.members)),
        _ => Err("not XML: it ends within an element".to_owned()),
    }
}

fn close(open: &mut [Open], element: Open) {
    if let Some(parent) = open.last_mut() {
        parent.members.push(element.close());
    }
}

fn add(open: &mut [Open], text: &str) {
    if let Some(element) = open.last_mut() {
        element.text.push_str(text);
    }
}

/// What `&lt;` or `&#38;` stands for; an entity of the document's own stands for nothing.
fn referred(reference: &quick_xml::events::BytesRef<'_>) -> String {
    if let Ok(Some(letter)) = reference.resolve_char_ref() {
        return letter.to_string();
    }
    quick_xml::escape::resolve_predefined_entity(&reference.xml10_content())
        .unwrap_or_default()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xml_has_the_shape_of_json() {
        let text = "<Event xmlns='http://x'><System><Provider Name='P'/><EventID Qualifiers=''>4625</EventID>\
            <Empty/></System><EventData><Data Name='TargetUserName'> a&lt;b&#38;&amp;c </Data>\
            <Data>unnamed</Data><Data Name=\"IpAddress\"><![CDATA[::1]]></Data></EventData></Event>";
        assert_eq!(
            parse(text).unwrap().to_string(),
            r##"{"Event":{"xmlns":"http://x","System":{"Provider":{"Name":"P","#text":""},"EventID":{"Qualifiers":"","#text":"4625"},"Empty":"","#text":""},"EventData":{"TargetUserName":"a<b&&c","Data":"unnamed","IpAddress":"::1","#text":""},"#text":""}}"##
        );
    }

    #[test]
    fn what_is_no_event_is_an_error() {
        let deep = "<a>".repeat(40);
        let wide = format!("<a>{}</a>", "<b/>".repeat(ELEMENTS_MAX * 3 + 1));
        for text in [
            "",
            "<Event>",
            "<Event><System></Event>",
            "<!DOCTYPE x [<!ENTITY a \"b\">]><Event/>",
            "plain",
            &deep,
            &wide,
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
