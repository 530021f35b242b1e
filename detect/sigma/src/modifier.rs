//! What stands after the field name: `field|modifier|modifier`.

use crate::detection::{Anchor, Comparison, Moment};
use crate::encode::Wide;
use crate::problem::{Fault, ProblemKind};

/// Modifiers that exist, for messages.
const KNOWN: &str = "all, base64, base64offset, cased, cidr, contains, day, endswith, exists, expand, fieldref, gt, \
                     gte, hour, i, lt, lte, m, minute, month, neq, re, s, startswith, utf16, utf16be, utf16le, week, \
                     wide, windash or year";

/// How the values of a field are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    Text,
    Regex,
    Cidr,
    Compare(Comparison),
    Exists,
    Field,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Base64 {
    Whole,
    Offset,
}

/// The modifiers of a field, understood.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a modifier of its own")]
pub(crate) struct Modifiers {
    pub(crate) meaning: Meaning,
    pub(crate) anchor: Anchor,
    pub(crate) all: bool,
    pub(crate) cased: bool,
    pub(crate) negated: bool,
    pub(crate) windash: bool,
    pub(crate) expand: bool,
    pub(crate) moment: Option<Moment>,
    pub(crate) wide: Option<Wide>,
    pub(crate) base64: Option<Base64>,
    pub(crate) ignore_case: bool,
    pub(crate) multi_line: bool,
    pub(crate) dot_all: bool,
}

impl Modifiers {
    /// Reads `names`, the modifiers of a field, which stands at `line`.
    pub(crate) fn parse<'a>(names: impl Iterator<Item = &'a str>, line: u32) -> Result<Self, Fault> {
        let mut modifiers = Self {
            meaning: Meaning::Text,
            anchor: Anchor::Whole,
            all: false,
            cased: false,
            negated: false,
            windash: false,
            expand: false,
            moment: None,
            wide: None,
            base64: None,
            ignore_case: false,
            multi_line: false,
            dot_all: false,
        };
        for name in names {
            modifiers.add(name, line)?;
        }
        modifiers.check(line)?;
        Ok(modifiers)
    }

    fn add(&mut self, name: &str, line: u32) -> Result<(), Fault> {
        match name {
            "contains" => self.anchor = Anchor::Anywhere,
            "startswith" => self.anchor = Anchor::Start,
            "endswith" => self.anchor = Anchor::End,
            "all" => self.all = true,
            "cased" => self.cased = true,
            "neq" => self.negated = true,
            "windash" => self.windash = true,
            "expand" => self.expand = true,
            "wide" | "utf16le" => self.wide = Some(Wide::Little),
            "utf16be" => self.wide = Some(Wide::Big),
            "utf16" => self.wide = Some(Wide::Marked),
            "base64" => self.base64 = Some(Base64::Whole),
            "base64offset" => self.base64 = Some(Base64::Offset),
            "i" => self.ignore_case = true,
            "m" => self.multi_line = true,
            "s" => self.dot_all = true,
            "minute" => self.moment = Some(Moment::Minute),
            "hour" => self.moment = Some(Moment::Hour),
            "day" => self.moment = Some(Moment::Day),
            "week" => self.moment = Some(Moment::Week),
            "month" => self.moment = Some(Moment::Month),
            "year" => self.moment = Some(Moment::Year),
            _ => return self.mean(name, line),
        }
        Ok(())
    }

    fn mean(&mut self, name: &str, line: u32) -> Result<(), Fault> {
        let meaning = match name {
            "re" => Meaning::Regex,
            "cidr" => Meaning::Cidr,
            "exists" => Meaning::Exists,
            "fieldref" => Meaning::Field,
            "lt" => Meaning::Compare(Comparison::Lt),
            "lte" => Meaning::Compare(Comparison::Lte),
            "gt" => Meaning::Compare(Comparison::Gt),
            "gte" => Meaning::Compare(Comparison::Gte),
            _ => {
                let message = format!("unknown modifier `{name}`, expected {KNOWN}");
                return Err(Fault::new(line, ProblemKind::Modifier, message));
            }
        };
        if self.meaning != Meaning::Text {
            let message = format!("the modifier `{name}` does not go with the one before it");
            return Err(Fault::new(line, ProblemKind::Modifier, message));
        }
        self.meaning = meaning;
        Ok(())
    }

    fn check(&self, line: u32) -> Result<(), Fault> {
        let is_text = self.meaning == Meaning::Text;
        let wrong = if (self.ignore_case || self.multi_line || self.dot_all) && self.meaning != Meaning::Regex {
            "`i`, `m` and `s` stand without `re`"
        } else if self.anchor != Anchor::Whole && !is_text && self.meaning != Meaning::Field {
            "`contains`, `startswith` and `endswith` go with texts and `fieldref` only"
        } else if (self.windash || self.base64.is_some()) && !is_text {
            "`windash` and `base64` go with texts only"
        } else if self.expand && !is_text && self.meaning != Meaning::Cidr {
            "`expand` goes with texts and `cidr` only"
        } else if self.moment.is_some() && !matches!(self.meaning, Meaning::Text | Meaning::Compare(_)) {
            "the parts of a time go with numbers and their comparison only"
        } else if self.moment.is_some() && (self.anchor != Anchor::Whole || self.base64.is_some() || self.windash) {
            "the parts of a time are numbers, no texts"
        } else if self.wide.is_some() && self.base64.is_none() {
            "`wide` stands without `base64` or `base64offset`"
        } else {
            return Ok(());
        };
        Err(Fault::new(line, ProblemKind::Modifier, wrong))
    }
}
