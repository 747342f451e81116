//! Whether a plugin says who it is.

use crate::call::{Call, Outcome};
use crate::lab::Lab;
use crate::promise::DESCRIBES_ITSELF;
use gateway_channel::Description;

pub(crate) async fn hold(lab: &mut Lab<'_>) {
    if let Some(Outcome::Description(description)) = lab.call(&Call::Describe).await {
        for lack in lacks(&description) {
            lab.breaks(DESCRIBES_ITSELF, lack);
        }
    }
}

fn lacks(description: &Description) -> Vec<String> {
    let mut lacks = Vec::new();
    if !is_word(&description.name) {
        lacks.push(format!(
            "its name is {:?}, and must be a word of small letters, digits and dashes",
            description.name
        ));
    }
    if description.version.trim().is_empty() {
        lacks.push("it has no version".to_owned());
    }
    for (index, setting) in description.settings.iter().enumerate() {
        let name = &setting.name;
        if !is_word(name) {
            lacks.push(format!("a setting is called {name:?}, and must be a word of small letters, digits and dashes"));
        }
        if setting.documentation.trim().is_empty() {
            lacks.push(format!("the setting {name} has no documentation"));
        }
        if setting.required && setting.default.is_some() {
            lacks.push(format!("the setting {name} is required, and has a default"));
        }
        if description.settings[..index]
            .iter()
            .any(|other| other.name == *name)
        {
            lacks.push(format!("the setting {name} is described twice"));
        }
    }
    lacks
}

fn is_word(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !text.is_empty() && text.bytes().all(plain) && !text.starts_with('-') && !text.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;
    use gateway_channel::SettingDescription;

    #[test]
    fn everything_that_a_description_lacks_is_found() {
        let setting = |name: &str, documentation: &str, default: Option<&str>| SettingDescription {
            name: name.to_owned(),
            documentation: documentation.to_owned(),
            required: true,
            secret: false,
            many: false,
            default: default.map(str::to_owned),
        };
        let good = Description {
            name: "echo".to_owned(),
            version: "1".to_owned(),
            settings: vec![setting("url", "where to", None)],
            features: Vec::new(),
        };
        assert_eq!(lacks(&good), [""; 0]);
        let settings = vec![
            setting("Url", " ", None),
            setting("url", "where to", Some("x")),
            setting("url", "again", None),
        ];
        let bad = Description {
            name: String::new(),
            version: " ".to_owned(),
            settings,
            features: Vec::new(),
        };
        let expected = [
            "its name is \"\"",
            "it has no version",
            "a setting is called \"Url\"",
            "the setting Url has no documentation",
            "the setting url is required, and has a default",
            "the setting url is described twice",
        ];
        let found = lacks(&bad);
        assert_eq!(found.len(), expected.len(), "{found:?}");
        assert!(
            found
                .iter()
                .zip(expected)
                .all(|(found, expected)| found.starts_with(expected)),
            "{found:?}"
        );
    }
}
