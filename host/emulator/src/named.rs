//! Names of the platform as they are written in settings.

use rbm_wire::name::{AgentId, NameProblem, PhoneNumber};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A name that was written down and parsed.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Named<T>(pub T);

/// What is known by a text.
pub(crate) trait Name: Sized {
    fn parse(text: &str) -> Result<Self, NameProblem>;
    fn text(&self) -> &str;
}

impl Name for AgentId {
    fn parse(text: &str) -> Result<Self, NameProblem> {
        Self::parse(text)
    }

    fn text(&self) -> &str {
        self.bare()
    }
}

impl Name for PhoneNumber {
    fn parse(text: &str) -> Result<Self, NameProblem> {
        Self::parse(text)
    }

    fn text(&self) -> &str {
        self.as_str()
    }
}

impl<'de, T: Name> Deserialize<'de> for Named<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        T::parse(&text).map(Self).map_err(serde::de::Error::custom)
    }
}

impl<T: Name> Serialize for Named<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.text())
    }
}
