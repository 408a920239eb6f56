//! The modifiers of R4 §3.1.1.4.4 and which of them fit which kind of parameter.

use crate::search::ParameterClass;

/// What follows the colon of `name:modifier`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Modifier {
    /// None is written.
    #[default]
    Plain,
    Missing,
    Exact,
    Contains,
    /// Resources that do not have the value, those without any value included.
    Not,
    /// A token's or reference's words: the display or text begins so.
    Text,
    /// In a value set. A clause has it as `Plain`, with the codes.
    In,
    /// A clause has it as `Not`, with the codes.
    NotIn,
    /// The value or what stands over it: in a code system, in a hierarchy of resources, in the segments of a URL.
    Above,
    Below,
    OfType,
    Identifier,
    /// `subject:Patient=17`: the type of the resource referred to.
    Type(&'static str),
}

impl Modifier {
    /// Reads what follows the colon; `None` where R4 has no such modifier.
    pub fn read(text: &str) -> Option<Modifier> {
        Some(match text {
            "missing" => Modifier::Missing,
            "exact" => Modifier::Exact,
            "contains" => Modifier::Contains,
            "not" => Modifier::Not,
            "text" => Modifier::Text,
            "in" => Modifier::In,
            "not-in" => Modifier::NotIn,
            "above" => Modifier::Above,
            "below" => Modifier::Below,
            "of-type" => Modifier::OfType,
            "identifier" => Modifier::Identifier,
            kind => Modifier::Type(crate::search::resource_name(kind)?),
        })
    }

    /// Whether R4 allows the modifier on a parameter of this kind.
    pub fn fits(self, class: ParameterClass) -> bool {
        use ParameterClass::{Reference, String, Token, Uri};
        match self {
            Modifier::Plain | Modifier::Missing => true,
            Modifier::Exact | Modifier::Contains => class == String,
            Modifier::Not | Modifier::In | Modifier::NotIn | Modifier::OfType => class == Token,
            Modifier::Text => matches!(class, Token | Reference),
            Modifier::Above | Modifier::Below => matches!(class, Token | Reference | Uri),
            Modifier::Identifier | Modifier::Type(_) => class == Reference,
        }
    }

    /// Membership of a value set is membership of its codes, once those are known.
    pub(super) fn lowered(self) -> Modifier {
        match self {
            Modifier::In => Modifier::Plain,
            Modifier::NotIn => Modifier::Not,
            other => other,
        }
    }
}
